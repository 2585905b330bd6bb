package cli

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/guests"
	"github.com/ptcheck/ptcheck/systems/recorded"
	"github.com/ptcheck/ptcheck/traces/emulator"
)

// xenKinds are the kinds of guests that --xen knows. It is never written to.
var xenKinds = []string{model.Dom0.String(), model.DomU.String(), model.DomUNoL1TF.String()}

// guestCmdline has the kernel say what it does by hypercalls.
const guestCmdline = "earlyprintk=xen console=hvc0"

// guest boots the kernel as a guest of the model hypervisor, judges what was recorded, and
// refuses if that is wanted.
func (d *drive) guest() error {
	if !slices.Contains(xenKinds, d.f.xen) {
		return fmt.Errorf("drive: --xen=%s: there are %s", d.f.xen, strings.Join(xenKinds, ", "))
	}
	kind, err := model.ParseGuestKind(d.f.xen)
	if err != nil {
		return fmt.Errorf("drive: %w", err)
	}
	m := &guests.Machine{Kind: kind, Pages: d.f.memory << 8, Cmdline: d.f.cmdline, Features: emulator.NX}
	ctx := d.cmd.Context()
	start := func() (*emulator.Runner, error) { return emulator.Start(ctx, d.o.Runner, d.o.Library, d.o.Timeout) }
	r, err := start()
	if err != nil {
		return fmt.Errorf("drive: %w", err)
	}
	defer r.Close()
	stop, err := guests.End(d.k, d.f.stop)
	if err != nil {
		return fmt.Errorf("drive: %w", err)
	}
	switch {
	case d.f.mutant == "all":
		return d.guestMutants(r, m, stop)
	case d.f.mutant != "":
		x, err := guests.Find(d.f.mutant)
		if err == nil {
			d.k, err = x.Plant(d.k)
		}
		if err != nil {
			return fmt.Errorf("drive: %w", err)
		}
	}
	plain, err := guests.Boot(r, d.k, m, stop, nil)
	if err != nil {
		return d.stopped(ctx, err)
	}
	code, err := d.tellGuest(plain, stop)
	if err != nil || code != exitHolds {
		return errors.Join(err, exitError(code))
	}
	if d.f.refuse {
		return d.refusals(start, m, stop, plain)
	}
	return nil
}

// stopped is the end of a command by an error, or by the user.
func (d *drive) stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return exitError(exitStopped)
	}
	return fmt.Errorf("drive: %w", err)
}

// tellGuest prints the verdict on a boot, and saves its recording.
func (d *drive) tellGuest(run *guests.Run, stop string) (code int, err error) {
	if d.f.record != "" {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write(run.Recording)
		name := filepath.Join(d.f.record, d.f.xen+".rec.gz")
		if err := errors.Join(err, z.Close(), wholefile.Write(name, b.Bytes())); err != nil {
			return exitUsage, fmt.Errorf("drive: the recording is not saved: %w", err)
		}
	}
	name := fmt.Sprintf("%s as %s", d.kernel(), d.f.xen)
	if run.Stop != stop {
		fmt.Fprintf(d.w, "%s: it does not get to %s: %s\n", name, stop, printable(run.Why(d.k)))
		return exitViolated, nil
	}
	j, err := recorded.Judge(name, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(run.Recording)), nil })
	if err != nil {
		return exitUsage, fmt.Errorf("drive: %w", err)
	}
	return exitOfJudgement(j), printJudgement(d.w, j)
}

// refusals boots once for each refusal, and prints what comes of them.
func (d *drive) refusals(start func() (*emulator.Runner, error), m *guests.Machine, stop string, plain *guests.Run) error {
	ctx := d.cmd.Context()
	list := plain.Refusals()
	if d.cmd.Flags().Changed("cases") {
		list = guests.Spread(list, d.f.cases)
	}
	t := newTask(d.cmd, "drive", len(list))
	defer t.done()
	var done []*guests.Refused
	err := guests.Refuse(ctx, start, d.k, m, stop, plain, list, d.f.workers, func(x *guests.Refused) {
		done = append(done, x)
		t.step(len(done), fmt.Sprintf("%s: %s", x.Site.Name(), x.Verdict))
	})
	t.done()
	if err != nil {
		return d.stopped(ctx, err)
	}
	slices.SortStableFunc(done, func(a, b *guests.Refused) int { return a.Order - b.Order })
	fmt.Fprintf(d.w, "refused: %d requests from %d places, %d boots: %s\n", len(plain.Requests), len(plain.Sites()), len(done), guests.Tally(done))
	unknown := 0
	for _, g := range guests.Joined(d.k, done) {
		fmt.Fprintf(d.w, "  %s\n", printable(g.String()))
		if g.Finding() && !g.Known() {
			unknown++
		}
	}
	if unknown > 0 {
		return exitError(exitViolated)
	}
	return nil
}

// guestMutants plants every change of the code that makes a kernel a guest.
func (d *drive) guestMutants(r *emulator.Runner, m *guests.Machine, stop string) error {
	missed, fitting := 0, 0
	for _, x := range guests.Mutants() {
		rule, detail, err := x.Try(r, d.k, m, stop)
		switch {
		case errors.Is(err, guests.ErrNoPlace):
			fmt.Fprintf(d.w, "-      %s: %v\n", x.ID, err)
			continue
		case err != nil:
			return d.stopped(d.cmd.Context(), err)
		case rule == x.Rule:
			fmt.Fprintf(d.w, "caught %s by %s: %s\n", x.ID, rule, printable(detail))
		default:
			missed++
			fmt.Fprintf(d.w, "MISSED %s: %s; broken instead: %q\n", x.ID, x.Bug, rule)
		}
		fitting++
	}
	fmt.Fprintf(d.w, "%s as %s: %d of %d changes caught\n", d.kernel(), d.f.xen, fitting-missed, fitting)
	if missed > 0 {
		return exitError(exitViolated)
	}
	return nil
}
