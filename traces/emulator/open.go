package emulator

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/traces/kernel"
	"github.com/ptcheck/ptcheck/traces/kernel/symbols"
)

// Of a bzImage: where its setup header begins, and the byte that says where it ends.
const (
	setupHeader = 0x1f1
	setupJump   = 0x201
)

// Open reads a kernel's file, a bzImage or an ELF file. Its symbols come from itself, or from a
// file in the form of System.map.
func Open(file, symbolFile string) (*Kernel, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	img, err := symbols.Open(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var list []kernel.Symbol
	if symbolFile != "" {
		list, err = readSymbols(symbolFile)
	} else if list, err = img.Symbols(); err != nil {
		err = fmt.Errorf("%s: %w; give a file with them by --symbols", file, err)
	}
	if err != nil {
		return nil, err
	}
	var setup []byte
	if !bytes.HasPrefix(raw, []byte("\x7fELF")) && len(raw) > setupJump {
		if end := int(raw[setupJump]) + setupJump + 1; end > setupHeader && end <= len(raw) {
			setup = raw[setupHeader:end]
		}
	}
	k, err := newKernel(img.ELF, setup, list)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	k.Banner, k.SHA256 = img.Banner, fmt.Sprintf("%x", sha256.Sum256(raw))
	return k, nil
}

// readSymbols reads a file of lines "ADDR TYPE NAME".
func readSymbols(file string) (list []kernel.Symbol, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for no := 1; s.Scan(); no++ {
		w := strings.Fields(s.Text())
		if len(w) < 3 || len(w[1]) != 1 {
			return nil, fmt.Errorf("%s:%d: want ADDRESS TYPE NAME", file, no)
		}
		addr, err := strconv.ParseUint(w[0], 16, 64)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %.20q is no address", file, no, w[0])
		}
		list = append(list, kernel.Symbol{Addr: addr, Type: w[1][0], Name: w[2]})
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return list, nil
}
