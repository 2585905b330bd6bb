package emulator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/ptcheck/ptcheck/traces/kernel"
)

// Recording is what a run did to its page tables.
type Recording struct {
	Header kernel.Header
	body   []byte
	k      *Kernel
}

// KeyEmulator is the header's key for the emulator and its version.
const KeyEmulator = "emulator"

// Recording makes a recording of a run's result.
func (s *Session) Recording(m *Machine, res *Result) *Recording {
	arch := "i386"
	if s.k.Bits == 64 {
		arch = "amd64"
	}
	h := kernel.Header{Pairs: []kernel.Pair{
		{Key: kernel.KeyBanner, Value: s.k.Banner},
		{Key: KeyEmulator, Value: "unicorn " + s.r.Version()},
		{Key: kernel.KeyArch, Value: arch},
		{Key: kernel.KeyCPU, Value: m.Features.String()},
		{Key: kernel.KeyPhysBits, Value: strconv.Itoa(int(m.Features.physicalBits()))},
		{Key: kernel.KeyBugs, Value: "cpu_meltdown"}, // as of every Intel processor of this signature
		{Key: kernel.KeyMemory, Value: strconv.FormatUint(m.RAM(), 10)},
		{Key: kernel.KeySMP, Value: "1"},
		{Key: kernel.KeyCmdline, Value: m.Cmdline},
		{Key: kernel.KeyPasses, Value: "2"},
		{Key: "stop", Value: res.Stop},
	}}
	if s.k.SHA256 != "" {
		h.Pairs = append(h.Pairs, kernel.Pair{Key: kernel.KeySHA256, Value: s.k.SHA256})
	}
	h.Pairs = slices.DeleteFunc(h.Pairs, func(p kernel.Pair) bool { return p.Value == "" })
	for _, r := range m.Map {
		h.E820 = append(h.E820, kernel.Range{Start: r.Start, End: r.End, Kind: r.Kind.String()})
	}
	return &Recording{Header: h, body: res.Body, k: s.k}
}

// head is the recording up to its first event.
func (r *Recording) head() []byte { return r.Header.AppendText(nil) }

// Events are the recording's lines from its first event to its totals.
func (r *Recording) Events() []byte { return r.body }

// Reader reads the recording, without symbols behind it.
func (r *Recording) Reader(name string) (*kernel.Reader, error) {
	return kernel.NewReader(name, io.MultiReader(bytes.NewReader(r.head()), bytes.NewReader(r.body), bytes.NewReader([]byte("symbols 0\n"))))
}

// Write writes the recording with the symbols of the code that occurs in it.
func (r *Recording) Write(w io.Writer) error {
	symbols, err := r.symbols()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "symbols %d\n", len(symbols))
	for _, s := range symbols {
		fmt.Fprintf(&b, "%x T %s\n", s.Addr, s.Name)
	}
	for _, part := range [][]byte{r.head(), r.body, b.Bytes()} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// symbols are the symbols of the code that occurs.
func (r *Recording) symbols() ([]kernel.Symbol, error) {
	rd, err := r.Reader("recording")
	if err != nil {
		return nil, err
	}
	seen := map[uint64]string{}
	note := func(addr uint64) {
		if name, off := r.k.Function(addr); name != "" {
			seen[addr-off] = name
		}
	}
	for {
		var e kernel.Event
		switch err := rd.Next(&e); {
		case errors.Is(err, io.EOF):
			list := make([]kernel.Symbol, 0, len(seen))
			for addr, name := range seen {
				list = append(list, kernel.Symbol{Addr: addr, Type: 'T', Name: name})
			}
			slices.SortFunc(list, bySymbolAddress)
			return list, nil
		case err != nil:
			return nil, err
		}
		note(e.RIP)
		for _, c := range e.Callers() {
			note(c)
		}
	}
}
