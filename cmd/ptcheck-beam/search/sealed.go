package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-beam/states"
)

// sealed is JSON in a file with its checksum: a file that was not written to its end is known
// by it.
type sealed struct {
	CRC  uint32          `json:"crc32c"`
	Body json.RawMessage `json:"body"`
}

// errUnsealed says that a file is not whole.
var errUnsealed = errors.New("it is damaged, or was not written to its end")

func sum(body []byte) uint32 { return crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) }

// seal writes v to a file of its own whose name begins with name.
func seal[T told | manifest](ctx context.Context, fs filesystem.Interface, dir, name string, v *T) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("search: %s: %w", name, err)
	}
	text, err := json.Marshal(sealed{sum(body), body})
	if err != nil {
		return fmt.Errorf("search: %s: %w", name, err)
	}
	return writeFile(ctx, fs, states.Join(dir, states.Unique(name)), text)
}

// unseal reads what seal wrote.
func unseal[T told | manifest](ctx context.Context, fs filesystem.Interface, name string, v *T) error {
	text, err := readFile(ctx, fs, name)
	if err != nil {
		return err
	}
	var s sealed
	if err := json.Unmarshal(text, &s); err != nil || sum(s.Body) != s.CRC {
		return fmt.Errorf("%s: %w", name, errUnsealed)
	}
	return decode(s.Body, v)
}

// decode reads JSON.
func decode[T told | manifest](text []byte, v *T) error {
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("search: %w", err)
	}
	return nil
}

func writeFile(ctx context.Context, fs filesystem.Interface, name string, text []byte) error {
	f, err := fs.OpenWrite(ctx, name)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if s, ok := f.(interface{ Sync() error }); ok && err == nil {
		err = s.Sync()
	}
	return errors.Join(err, f.Close())
}

func readFile(ctx context.Context, fs filesystem.Interface, name string) ([]byte, error) {
	f, err := fs.OpenRead(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
