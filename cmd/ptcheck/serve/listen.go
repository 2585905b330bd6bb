package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// Listen opens a port of the loopback interface; 0: any that is free. Errors are plain
// sentences.
func Listen(host string, port int) (net.Listener, error) {
	ip := net.ParseIP(host)
	if host == "localhost" {
		ip = net.IPv4(127, 0, 0, 1)
	}
	switch {
	case ip == nil || !ip.IsLoopback():
		return nil, fmt.Errorf("%s is not an address of the loopback interface: pages are for this machine alone; want 127.0.0.1 or ::1", host)
	case port < 0 || port > 65535:
		return nil, fmt.Errorf("port %d: want 0 to 65535", port)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(ip.String(), strconv.Itoa(port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("port %d is taken: name another one, or 0 for any that is free", port)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("port %d may not be used: want one from 1024 on", port)
	}
	return l, err
}

// farewell is how long pages that are being made may take when the server ends.
const farewell = 2 * time.Second

// Serve answers requests until ctx ends, then waits for what is under way.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 16,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	done := make(chan error, 1)
	go func() { done <- h.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if h.Shutdown(last) != nil {
		_ = h.Close() // whoever still waits has had time
	}
	s.Wait()
	return nil
}
