package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/traces/image"
	"github.com/ptcheck/ptcheck/traces/image/audit"
)

// auditFlags are the flags of audit.
type auditFlags struct {
	xen, json, drawn   bool
	kallsyms, cr3, svg string
	report             reportFlags
}

func newAudit() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:   "audit IMAGE",
		Short: "Judge the page tables in a memory image of a real machine",
		Long: `audit walks the page tables in a memory image and holds static rules against
them: pages that are writable and executable, kernel pages open to user mode,
aliases that disagree, tables in use at two levels, entries that lead nowhere.
IMAGE is a dump of QEMU (dump-guest-memory), an ELF vmcore, makedumpfile's
compressed form, or /proc/kcore of the machine at hand. Two-level, PAE, 4-level
and 5-level tables and their roots are found by itself; --cr3 names a root that an
image does not tell.

With --xen a Xen lies below: the roots are those that it has validated, and its
own types and counts are held against a recount from memory. --kallsyms names
addresses by /proc/kallsyms or a System.map of the kernel. --map and --svg show
what the first root maps.

Exit codes: 0 clean, 1 a rule is broken, 2 bad input.`,
		Example: `  ptcheck audit vmcore
  ptcheck audit --map --kallsyms kallsyms.txt guest.elf
  ptcheck audit --xen dom0.elf
  ptcheck audit /proc/kcore`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if !during(cmd.Context(), func() { err = f.audit(cmd.OutOrStdout(), args[0]) }) {
				return exitError(exitStopped)
			}
			return err
		},
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.xen, "xen", false, "a Xen lies below: hold its types and counts against memory")
	fl.StringVar(&f.kallsyms, "kallsyms", "", "file with the kernel's symbols, plain or .gz")
	fl.StringVar(&f.cr3, "cr3", "", "physical address of the root, such as 0x2a10000")
	fl.BoolVar(&f.drawn, "map", false, "print what the first root maps, too")
	fl.StringVar(&f.svg, "svg", "", "draw the same as a picture into this file")
	fl.BoolVar(&f.json, "json", false, "print everything as JSON")
	f.report.registerOutput(fl)
	cmd.MarkFlagsMutuallyExclusive("json", "map")
	completeFlag(cmd, "format", formatNames)
	return cmd
}

// audit audits one image.
func (f *auditFlags) audit(w io.Writer, name string) error {
	if err := f.report.check(f.json); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if f.svg != "" {
		if err := wholefile.Probe(f.svg); err != nil {
			return fmt.Errorf("audit: --svg: %w", err)
		}
	}
	opt, err := f.options()
	if err != nil {
		return err
	}
	m, err := image.Open(name)
	if err != nil {
		return err
	}
	defer m.Close()
	a, err := audit.Run(m, opt)
	if err != nil {
		return err
	}
	return errors.Join(f.write(w, a), orBroken(a))
}

// orBroken is the exit of an audit that found something.
func orBroken(a *audit.Audit) error {
	if a.Broken() {
		return exitError(exitViolated)
	}
	return nil
}

// options reads what the flags name.
func (f *auditFlags) options() (audit.Options, error) {
	opt := audit.Options{Xen: f.xen}
	if f.cr3 != "" {
		root, err := strconv.ParseUint(f.cr3, 0, 64)
		if err != nil || root == 0 || root>>52 != 0 {
			return opt, fmt.Errorf("audit: --cr3 %q: want a physical address such as 0x2a10000", f.cr3)
		}
		opt.CR3 = root
	}
	if f.kallsyms != "" {
		symbols, err := image.ReadSymbols(f.kallsyms)
		if err != nil {
			return opt, err
		}
		opt.Symbols = symbols
	}
	return opt, nil
}

// write prints what the flags ask for.
func (f *auditFlags) write(w io.Writer, a *audit.Audit) error {
	runs := []reports.Run{auditRun(a)}
	var err error
	switch {
	case f.json:
		err = a.WriteJSON(w)
	case f.report.format != "":
		err = f.report.print(w, runs)
	default:
		err = a.WriteText(w)
	}
	return errors.Join(err, f.draw(w, a), f.report.save(runs))
}

// draw prints or draws what the first root maps.
func (f *auditFlags) draw(w io.Writer, a *audit.Audit) error {
	if !f.drawn && f.svg == "" {
		return nil
	}
	m, err := a.Map(0)
	if err != nil {
		return err
	}
	m = m.Coarse()
	if f.drawn {
		fmt.Fprintln(w)
		if err := m.WriteText(w); err != nil {
			return err
		}
	}
	if f.svg == "" {
		return nil
	}
	var picture bytes.Buffer
	if err := m.WriteSVG(&picture); err != nil {
		return err
	}
	if err := wholefile.Write(f.svg, picture.Bytes()); err != nil {
		return fmt.Errorf("audit: --svg: %w", err)
	}
	return nil
}
