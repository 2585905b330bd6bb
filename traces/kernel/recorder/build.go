package recorder

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

//go:embed plugin/*.c plugin/*.h
var pluginSource embed.FS

// sourceDir is the folder of the plugin's source in pluginSource.
const sourceDir = "plugin"

// compilerFlags are those that the plugin is compiled with; its warnings are errors in tests.
var compilerFlags = [...]string{"-std=gnu11", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra"}

// MissingError says which program is not there, and how to get it.
type MissingError struct{ What, How string }

// Error implements error.
func (e *MissingError) Error() string { return fmt.Sprintf("recorder: %s: %s", e.What, e.How) }

// compiler is the path of a C compiler: $CC, or one of the usual names.
func compiler() (string, error) {
	names := []string{"cc", "gcc", "clang"}
	if cc := os.Getenv("CC"); cc != "" {
		names = []string{cc}
	}
	for _, n := range names {
		if p, err := exec.LookPath(n); err == nil {
			return p, nil
		}
	}
	return "", &MissingError{"there is no C compiler (" + strings.Join(names, ", ") + "), which the recorder is built with",
		"apt-get install gcc libc6-dev"}
}

// Build compiles the plugin for a version of QEMU's plugin API, unless that has been done,
// and returns its path in a folder of the user's cache.
func Build(ctx context.Context, api int) (string, error) {
	key, err := sourceKey(api)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "ptcheck", "recorder")
	plugin := filepath.Join(dir, key+".so")
	if _, err := os.Stat(plugin); err == nil {
		return plugin, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("recorder: build: %w", err)
	}
	return plugin, compile(ctx, api, plugin)
}

// sourceKey is the name of what a source is compiled to.
func sourceKey(api int) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, api, compilerFlags)
	entries, err := pluginSource.ReadDir(sourceDir)
	if err != nil {
		return "", fmt.Errorf("recorder: build: %w", err)
	}
	for _, e := range entries {
		b, err := pluginSource.ReadFile(path.Join(sourceDir, e.Name()))
		if err != nil {
			return "", fmt.Errorf("recorder: build: %w", err)
		}
		fmt.Fprintln(h, e.Name(), len(b))
		h.Write(b)
	}
	return fmt.Sprintf("ptrec-api%d-%x", api, h.Sum(nil)[:8]), nil
}

// compile compiles the plugin to a file, which is there whole or not at all.
func compile(ctx context.Context, api int, to string, more ...string) error {
	cc, err := compiler()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(to), "build-*")
	if err != nil {
		return fmt.Errorf("recorder: build: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, pluginSource); err != nil {
		return fmt.Errorf("recorder: build: %w", err)
	}
	sources, err := filepath.Glob(filepath.Join(dir, sourceDir, "*.c"))
	if err != nil || len(sources) == 0 {
		return fmt.Errorf("recorder: build: no source: %w", err)
	}
	made := filepath.Join(dir, "ptrec.so")
	args := append(compilerFlags[:], more...)
	args = append(args, fmt.Sprintf("-DAPI=%d", api), "-o", made)
	cmd := exec.CommandContext(ctx, cc, append(append(args, sources...), "-ldl")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("recorder: build: %w", ctx.Err())
		}
		return fmt.Errorf("recorder: build: %s: %w: %s", cc, err, firstLine(out))
	}
	if err := os.Rename(made, to); err != nil {
		return fmt.Errorf("recorder: build: %w", err)
	}
	return nil
}

// firstLine is the first line of a program's output that says something.
func firstLine(out []byte) string {
	for line := range bytes.Lines(out) {
		if s := strings.TrimSpace(string(line)); s != "" {
			return s
		}
	}
	return errors.New("it said nothing").Error()
}
