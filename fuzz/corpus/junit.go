package corpus

import (
	"encoding/xml"
	"io"
	"path/filepath"
)

// junitSuite and its parts are the subset of JUnit's format that CI systems read.
// Times are left out: the same results give the same bytes.
type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure"`
	Error   *junitMessage `xml:"error"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
}

// WriteJUnit writes results in JUnit's format: a file that does not end as it
// expects is a failure, one that cannot be used an error.
func WriteJUnit(w io.Writer, results []Result) error {
	s := junitSuite{Name: "corpus", Tests: len(results)}
	for _, r := range results {
		c := junitCase{Class: "corpus", Name: filepath.Base(r.Name)}
		switch {
		case r.Err != nil:
			s.Errors++
			c.Error = &junitMessage{r.Err.Error()}
		case r.Failure != "":
			s.Failures++
			c.Failure = &junitMessage{r.Failure}
		}
		s.Cases = append(s.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
