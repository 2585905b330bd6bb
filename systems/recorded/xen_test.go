package recorded

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model"
)

// asXen wants of the judgement of dom0's boot that all that the model's hypervisor did is what
// Xen did.
func asXen(t *testing.T, j *Judgement) {
	t.Helper()
	c := j.Guest
	if j.Verdict() != "holds" || c.Requests < 100000 || c.Compared < 70000 || c.Emulated != 863 || c.Restarts != 99 {
		t.Errorf("%s; %s", j.Summary(), c)
	}
	if c.Owned || len(c.Assumptions()) != 2 {
		t.Errorf("assumed: %q", c.Assumptions())
	}
}

// lineBehind is the index of the first line at or behind another one that begins with a word.
func lineBehind(t *testing.T, lines [][]byte, from int, word string) int {
	t.Helper()
	for i := from; i < len(lines); i++ {
		if bytes.HasPrefix(lines[i], []byte(word)) {
			return i
		}
	}
	t.Fatalf("no line begins with %q behind line %d", word, from)
	return 0
}

// TestGuestsMistakes changes what Xen answered and stored: each is noticed.
func TestGuestsMistakes(t *testing.T) {
	src := plain(t, "xen-dom0")
	lines := bytes.SplitAfter(src, []byte("\n"))
	first := lineBehind(t, lines, 0, "H ffffffff81a442b3 e ")
	answer := lineBehind(t, lines, first, "h ")
	late := lineBehind(t, lines, 200000, "H ffffffff81a442b3 1 ")
	lateAnswer := lineBehind(t, lines, late, "h ")
	refused := "h ffffffff81a442b3 -22\n"
	type mistake struct {
		name string
		at   int
		now  string
		want []string
	}
	for _, x := range longtest.Part(t, []mistake{
		{"an answer", answer, refused, []string{"answers-agree", "requests-granted"}},
		{"an answer late", lateAnswer, refused, []string{"answers-agree", "requests-granted"}},
	}, 2) {
		now := bytes.Join([][]byte{bytes.Join(lines[:x.at], nil), []byte(x.now), bytes.Join(lines[x.at+1:], nil)}, nil)
		j := judge(t, "x", text(now))
		for _, id := range x.want {
			if !strings.Contains(j.Summary(), id+" 1 times") {
				t.Errorf("%s: %s, want %s", x.name, j.Summary(), id)
			}
		}
		for _, f := range j.Findings {
			if f.Start == "" || len(f.Calls) == 0 || !strings.Contains(f.Calls[0].Text, fmt.Sprintf("line %d:", lineBefore(lines, x.at)+1)) {
				t.Errorf("%s: told as %+v", x.name, f.Calls)
			}
		}
	}
}

// lineBefore is the index of the hypercall that an answer belongs to.
func lineBefore(lines [][]byte, at int) int {
	for !bytes.HasPrefix(lines[at], []byte("H ")) {
		at--
	}
	return at
}

// TestRecordsOfXen adds what Xen has written down at the end: that agrees with the model,
// and is noticed if it does not.
func TestRecordsOfXen(t *testing.T) {
	longtest.Only(t) // its boot is also judged by TestRecordings
	_, m, err := replay("x", file(folder+"xen-dom0.rec.gz"), &suspects{})
	if err != nil {
		t.Fatal(err)
	}
	var records bytes.Buffer
	table := ""
	fmt.Fprintln(&records, "X end")
	for f := range model.Frame(m.guest.s.L.Map.Frames()) {
		i := m.guest.s.InfoAt(f)
		info := uint64(i.T)
		if i.T > 0 {
			info |= uint64(i.Typ) << typeShift
		}
		if i.Is(model.Pinned) {
			info |= typePinned
		}
		if i.G == 0 {
			t.Fatalf("f%x is nobody's in the model", uint64(m.guest.s.L.Map.MFN(f)))
		}
		line := fmt.Sprintf("f %x 1 %x %x 0\n", uint64(m.guest.s.L.Map.MFN(f)), i.G, info)
		if i.T > 0 && i.Typ == model.TypeL2 {
			table = line
		}
		records.WriteString(line)
	}
	src := plain(t, "xen-dom0")
	at := bytes.Index(src, []byte("# end "))
	with := func(records string) *Judgement {
		return judge(t, "x", text(bytes.Join([][]byte{src[:at], []byte(records), src[at:]}, nil)))
	}
	j := with(records.String())
	if c := j.Guest; j.Verdict() != "holds" || c.Records < 1000 || c.Types != c.Records || c.Uses != c.Records {
		t.Errorf("%s; %s", j.Summary(), c)
	}
	words := strings.Fields(table)
	wrong := strings.Join(append(words[:4:4], fmt.Sprintf("%x", uint64(1)<<typeShift|1), "0\n"), " ")
	if j := with(strings.Replace(records.String(), table, wrong, 1)); !strings.Contains(j.Summary(), "records-agree 1 times") || j.Guest.Records < 1000 {
		t.Errorf("%s; %s", j.Summary(), j.Guest)
	}
}
