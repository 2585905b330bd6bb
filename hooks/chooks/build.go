package chooks

import (
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// ErrNoCompiler says that there is nothing to compile C with.
var ErrNoCompiler = errors.New("chooks: no C compiler: cc, gcc and clang are not there, and CC names none")

//go:embed kit
var kit embed.FS

// source is C code on its way to be a program.
type source struct {
	root     string            // the folder that the files' names are relative to
	files    map[string][]byte // what is compiled and included, by slash-separated name
	compiler string
	flags    []string
}

// newSource takes the files of the C code. root is where they come from: reports show it
// in front of their names.
func newSource(files fs.FS, root string) (*source, error) {
	s := &source{root: root, files: map[string][]byte{}, flags: []string{"-std=gnu11", "-g", "-O0", "-Wall"}}
	if err := s.add(files, "."); err != nil {
		return nil, err
	}
	if len(s.units()) == 0 {
		return nil, fmt.Errorf("chooks: no C file in %s", root)
	}
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("chooks: C hooks run on linux only, this is %s", runtime.GOOS)
	}
	s.flags = append(s.flags, strings.Fields(os.Getenv("CFLAGS"))...)
	// What the process needs to find its way about itself, whatever else is asked for.
	s.flags = append(s.flags, "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls", "-fno-pie", "-no-pie")
	var err error
	s.compiler, err = compiler()
	return s, err
}

func (s *source) add(files fs.FS, from string) error {
	return fs.WalkDir(files, from, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".c" && path.Ext(name) != ".h" {
			return err
		}
		s.files[name], err = fs.ReadFile(files, name)
		return err
	})
}

// units are the names of the files that are compiled, in order.
func (s *source) units() (out []string) {
	for name := range s.files {
		if path.Ext(name) == ".c" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// compiler is the C compiler: CC, or the first that there is.
func compiler() (string, error) {
	if cc := os.Getenv("CC"); cc != "" {
		if _, err := exec.LookPath(cc); err != nil {
			return "", fmt.Errorf("%w: CC is %q", ErrNoCompiler, cc)
		}
		return cc, nil
	}
	for _, cc := range []string{"cc", "gcc", "clang"} {
		if _, err := exec.LookPath(cc); err == nil {
			return cc, nil
		}
	}
	return "", ErrNoCompiler
}

// kitFiles are those of the process, made ones too.
func kitFiles() (map[string][]byte, error) {
	out := map[string][]byte{"ptcheck_calls.h": []byte(callsHeader()), "ptcheck_hooks.h": []byte(hooksHeader())}
	for _, name := range []string{"ptcheck.h", "ptcheck.c"} {
		data, err := kit.ReadFile("kit/" + name)
		if err != nil {
			return nil, err
		}
		out[name] = data
	}
	return out, nil
}

// build returns the program of the code, made before or now: it is kept in the user's cache
// by everything that goes into it.
func (s *source) build() (string, error) {
	own, err := kitFiles()
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "ptcheck", "c")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", fmt.Errorf("chooks: keeping the compiled program: %w", err)
	}
	program := filepath.Join(cache, s.key(own))
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	dir, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return "", fmt.Errorf("chooks: %w", err)
	}
	defer os.RemoveAll(dir)
	made, err := s.compile(dir, own)
	if err != nil {
		return "", err
	}
	if err := os.Rename(made, program); err != nil {
		return "", fmt.Errorf("chooks: %w", err)
	}
	return program, nil
}

// key is the name of the program that comes of the code.
func (s *source) key(own map[string][]byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q\n", s.compiler, s.flags, s.root)
	for _, files := range []map[string][]byte{s.files, own} {
		names := []string{}
		for name := range files {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			fmt.Fprintf(h, "%q %q\n", name, files[name])
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:16])
}

// kitName is the folder of the process's own code in debug data.
const kitName = "/ptcheck/kit"

// compile makes the program in a folder.
func (s *source) compile(dir string, own map[string][]byte) (string, error) {
	src, kit, program := filepath.Join(dir, "src"), filepath.Join(dir, "kit"), filepath.Join(dir, "hooks")
	if err := errors.Join(unpack(src, s.files), unpack(kit, own)); err != nil {
		return "", fmt.Errorf("chooks: %w", err)
	}
	args := append(slices.Clone(s.flags), "-ffile-prefix-map="+src+"="+s.root, "-ffile-prefix-map="+kit+"="+kitName,
		"-I", kit, "-o", program, filepath.Join(kit, "ptcheck.c"))
	for _, name := range s.units() {
		args = append(args, filepath.Join(src, filepath.FromSlash(name)))
	}
	cmd := exec.Command(s.compiler, args...)
	cmd.Dir = src
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("chooks: %s", complaint(s.compiler, strings.ReplaceAll(string(out), src, s.root), err))
	}
	return program, nil
}

// complaint is the line of a compiler's output that says what is wrong.
func complaint(compiler, out string, err error) string {
	for line := range strings.Lines(out) {
		if strings.Contains(line, "error:") || strings.Contains(line, "undefined reference") {
			return strings.TrimSpace(line)
		}
	}
	return fmt.Sprintf("%s: %v: %s", compiler, err, strings.Join(strings.Fields(out), " "))
}

func unpack(dir string, files map[string][]byte) error {
	for name, data := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(name, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
