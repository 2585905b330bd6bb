package xenlab

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Recording is what a guest said during one boot.
type Recording struct {
	// Lines are the guest's lines from HELLO to END: I lines about the start
	// of day, then one R line per operation (Q lines under "quiet 2") and a T
	// line per title. Errnos are names. They are a function of the script.
	Lines []string
	// Xen are the last messages of Xen itself, for diagnosis.
	Xen []string
	// L1TF is Xen's message about an absent entry that names memory, "" if there was
	// none. A Xen that can shadow tables goes on with the guest; its answers since
	// then, and nobody knows when that was, are not those of direct paging.
	L1TF string
	// Timing is how long it took; it is no part of the answers.
	Timing Timing
}

// Timing tells where the time of a run went.
type Timing struct {
	Boot   time.Duration // until the guest's first line
	Script time.Duration // from there to its last
	Total  time.Duration // until QEMU was gone
}

// Bytes returns the lines as the text of a recording file.
func (r *Recording) Bytes() []byte {
	var b strings.Builder
	for _, l := range r.Lines {
		b.WriteString(l)
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// Answers returns the lines that answer the script: all but HELLO, I and END.
func (r *Recording) Answers() []string {
	var answers []string
	for _, l := range r.Lines {
		switch kind, _, _ := strings.Cut(l, " "); kind {
		case "R", "T", "Q":
			answers = append(answers, l)
		}
	}
	return answers
}

func (r *Recording) keep(lines ...string) { r.Lines = append(r.Lines, lines...) }

// last returns the last line, "" if there is none.
func (r *Recording) last() string {
	if len(r.Lines) == 0 {
		return ""
	}
	return r.Lines[len(r.Lines)-1]
}

// A console sorts the lines of the machine's console.
type console struct {
	clock   func() time.Duration
	rec     Recording
	started bool // HELLO was seen
	ended   bool // END was seen
	chars   int  // of the guest's lines until then
	panics  bool // Xen's next message says why it stopped
	failure *Failure
	oops    error
}

// xenLines is how many of Xen's own messages are kept.
const xenLines = 60

// listen reads until the machine stops or is known to have failed.
func (c *console) listen(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for c.failure == nil && lines.Scan() {
		c.line(strings.TrimRight(lines.Text(), "\r"))
	}
	c.oops = lines.Err()
}

func (c *console) line(l string) {
	switch {
	case strings.HasPrefix(l, "(XEN)"):
		c.xenLine(l)
	case c.ended:
		if total, ok := strings.CutPrefix(l, "TOTAL "); ok && total != strconv.Itoa(c.chars) {
			c.failure = &Failure{Kind: Garbled, Detail: fmt.Sprintf("%d of %s characters arrived", c.chars, total)}
		}
	case strings.HasPrefix(l, "HELLO "):
		c.started = true
		c.rec.Timing.Boot = c.clock()
		c.keep(l)
	case strings.HasPrefix(l, "FATAL "):
		c.failure = &Failure{Kind: GuestDied, Detail: c.crashReason(l)}
	case !c.started:
	case l == "END":
		c.ended = true
		c.rec.Timing.Script = c.clock() - c.rec.Timing.Boot
		c.keep(l)
	default:
		c.keep(l)
	}
}

// keep adds a line of the guest's to the recording.
func (c *console) keep(l string) {
	c.chars += len(l) + 1
	c.rec.keep(nameErrno(l))
}

// xenLine keeps a message of Xen and recognises its last words.
func (c *console) xenLine(l string) {
	if len(c.rec.Xen) == xenLines {
		c.rec.Xen = append(c.rec.Xen[:0], c.rec.Xen[1:]...)
	}
	c.rec.Xen = append(c.rec.Xen, l)
	switch text := strings.TrimPrefix(l, "(XEN) "); {
	case c.panics:
		c.failure = &Failure{Kind: XenCrashed, Detail: text}
	case strings.Contains(text, "L1TF-vulnerable") && c.rec.L1TF == "":
		c.rec.L1TF = text
	case strings.Contains(text, "CONFIG_PV32 missing"):
		c.failure = &Failure{Kind: No32, Detail: text}
	case strings.HasPrefix(text, "Panic on CPU"):
		c.panics = true
	case strings.HasPrefix(text, "Hardware Dom0 crashed"):
		c.failure = &Failure{Kind: GuestDied, Detail: c.crashReason(text)}
	}
}

// crashReason returns Xen's message on why it stopped the guest.
func (c *console) crashReason(otherwise string) string {
	if c.rec.L1TF != "" {
		return c.rec.L1TF
	}
	for _, l := range c.rec.Xen {
		if strings.Contains(l, "domain_crash") {
			return strings.TrimPrefix(l, "(XEN) ")
		}
	}
	return otherwise
}

// errnoNames are Xen's error numbers as results show them.
var errnoNames = map[string]string{
	"-1": "-EPERM", "-2": "-ENOENT", "-3": "-ESRCH", "-7": "-E2BIG", "-11": "-EAGAIN", "-12": "-ENOMEM",
	"-13": "-EACCES", "-14": "-EFAULT", "-16": "-EBUSY", "-22": "-EINVAL", "-34": "-ERANGE", "-38": "-ENOSYS",
	"-85": "-ERESTART", "-95": "-EOPNOTSUPP",
}

// A result is the last word of an R line, or of each part of a Q line.
var errnoResult = regexp.MustCompile(` -\d+(;|$)`)

// nameErrno replaces the errnos of a result line by their names.
func nameErrno(l string) string {
	if !strings.HasPrefix(l, "R ") && !strings.HasPrefix(l, "Q ") {
		return l
	}
	return errnoResult.ReplaceAllStringFunc(l, func(m string) string {
		number := strings.Trim(m, " ;")
		if errnoNames[number] == "" {
			return m
		}
		return strings.Replace(m, number, errnoNames[number], 1)
	})
}
