package view

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/ptcheck/ptcheck/reports"
)

// paths are the names of folders of source, the same on all machines: the import path of
// what lies there, by the folder of this machine.
type paths map[string]string

// site names a place in the source: its file relative to the root of this module, or
// behind the import path of its package in others.
func (p paths) site(function, file string, line int) reports.Site {
	folder, ok := p[path.Dir(file)]
	if !ok {
		folder = importPath(function, file)
		p[path.Dir(file)] = folder
	}
	_, name := splitName(function)
	own := strings.TrimPrefix(folder+"/", module()+"/")
	s := reports.Site{Function: name, File: own + path.Base(file), Line: line, Outside: own == folder+"/"}
	if path.IsAbs(file) || filepath.IsAbs(file) { // else built with -trimpath: it may lie anywhere
		s.Path = file
	}
	return s
}

// importPath is the import path of a source file's folder. Its module says so, if it is
// there; else the function does. A closure of a function that has become part of another
// has the name of that one, maybe of another package.
func importPath(function, file string) string {
	if !path.IsAbs(file) && !filepath.IsAbs(file) { // built with -trimpath
		version := regexp.MustCompile(`@[^/]+`)
		return version.ReplaceAllString(path.Dir(file), "")
	}
	if _, vendored, ok := strings.Cut(file, "/vendor/"); ok {
		return path.Dir(vendored)
	}
	for dir, rest := path.Dir(file), ""; ; dir, rest = path.Dir(dir), path.Join(path.Base(dir), rest) {
		text, err := os.ReadFile(filepath.Join(filepath.FromSlash(dir), "go.mod"))
		if name := moduleLine.FindSubmatch(text); err == nil && name != nil {
			return path.Join(string(name[1]), rest)
		}
		if dir == path.Dir(dir) {
			break
		}
	}
	pkg, _ := splitName(function)
	if info, ok := debug.ReadBuildInfo(); pkg == "main" && ok && info.Path != "" {
		return info.Path
	}
	if strings.HasSuffix(file, "_test.go") {
		return strings.TrimSuffix(pkg, "_test") // the tests of a package from outside
	}
	return pkg
}

// moduleLine is the line of a go.mod with the name of the module.
var moduleLine = regexp.MustCompile(`(?m)^module\s+"?([^"\s]+)`)
