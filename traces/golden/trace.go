package golden

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
)

// Names of trace operations.
const (
	OpSetupStart = "setup_start"
	OpSetupDone  = "setup_done"
	OpBootmem    = "bootmem"
	OpAllocPD    = "alloc_pd"
	OpAllocPT    = "alloc_pt"
	OpSetPTE     = "set_pte"
	OpSetPMD     = "set_pmd"
	OpSetPGD     = "set_pgd"
	OpUpdateVA   = "update_va"
	OpNewBaseptr = "new_baseptr"
	OpPinL3      = "pin_l3"
	OpLoadCR3    = "load_cr3"
	OpZap        = "zap"
	OpHVReject   = "hv_reject"
)

// Purposes of bootmem frames.
const (
	PurposePMD     = "pmd"      // a new L2 in PAE
	PurposePTE     = "pte"      // a new L1
	PurposePMDCopy = "pmd_copy" // Xen: copy of a builder L2
)

// opCode is an operation in a full trace, an index into its list of names.
type opCode uint8

const (
	codeSetupStart opCode = iota
	codeSetupDone
	codeBootmem
	codeAllocPD
	codeAllocPT
	codeSetPTE
	codeSetPMD
	codeSetPGD
	codeUpdateVA
	codeNewBaseptr
	codePinL3
	codeLoadCR3
	codeZap
	codeHVReject
	opCodes // number of codes
)

// name is the name of the operation.
func (c opCode) name() string {
	return [opCodes]string{OpSetupStart, OpSetupDone, OpBootmem, OpAllocPD, OpAllocPT, OpSetPTE,
		OpSetPMD, OpSetPGD, OpUpdateVA, OpNewBaseptr, OpPinL3, OpLoadCR3, OpZap, OpHVReject}[c]
}

// traceLine is one canonical line; a and b are its numbers in order. Lines
// with a text (bootmem, hv_reject) have in b the index of the text.
type traceLine struct {
	op   opCode
	a, b uint64
}

// Trace is the full ordered hook trace, one canonical line per call. The zero
// value is an empty trace ready for use.
type Trace struct {
	lines []traceLine
	texts []string
}

// add appends a line without text.
func (t *Trace) add(op opCode, a, b uint64) {
	t.lines = append(t.lines, traceLine{op, a, b})
}

// addText appends a line with a text.
func (t *Trace) addText(op opCode, a uint64, text string) {
	t.add(op, a, uint64(len(t.texts)))
	t.texts = append(t.texts, text)
}

// text is the text of a line, empty if it has none.
func (t *Trace) text(l *traceLine) string {
	if l.op == codeBootmem || l.op == codeHVReject {
		return t.texts[l.b]
	}
	return ""
}

// SetupStart logs the entry of the pagetable_setup_start hook.
func (t *Trace) SetupStart() { t.add(codeSetupStart, 0, 0) }

// SetupDone logs the entry of the pagetable_setup_done hook.
func (t *Trace) SetupDone() { t.add(codeSetupDone, 0, 0) }

// Bootmem logs the allocation of frame pfn for one of the purposes.
func (t *Trace) Bootmem(pfn uint64, purpose string) { t.addText(codeBootmem, pfn, purpose) }

// AllocPD logs the alloc_pd hook for frame pfn.
func (t *Trace) AllocPD(pfn uint64) { t.add(codeAllocPD, pfn, 0) }

// AllocPT logs the alloc_pt hook for frame pfn.
func (t *Trace) AllocPT(pfn uint64) { t.add(codeAllocPT, pfn, 0) }

// SetPTE logs the store of raw into the L1 entry at address pa.
func (t *Trace) SetPTE(pa, raw uint64) { t.add(codeSetPTE, pa, raw) }

// SetPMD logs the store of raw into the L2 entry at address pa.
func (t *Trace) SetPMD(pa, raw uint64) { t.add(codeSetPMD, pa, raw) }

// SetPGD logs the store of raw into the PAE root entry at address pa.
func (t *Trace) SetPGD(pa, raw uint64) { t.add(codeSetPGD, pa, raw) }

// UpdateVA logs the hypercall that sets the L1 entry for va to raw.
func (t *Trace) UpdateVA(va, raw uint64) { t.add(codeUpdateVA, va, raw) }

// NewBaseptr logs the hypercall that makes machine frame mfn the root.
func (t *Trace) NewBaseptr(mfn uint64) { t.add(codeNewBaseptr, mfn, 0) }

// PinL3 logs the hypercall that pins machine frame mfn as an L3.
func (t *Trace) PinL3(mfn uint64) { t.add(codePinL3, mfn, 0) }

// LoadCR3 logs the load of the root at address pa.
func (t *Trace) LoadCR3(pa uint64) { t.add(codeLoadCR3, pa, 0) }

// Zap logs the start of the zap of the low mappings.
func (t *Trace) Zap() { t.add(codeZap, 0, 0) }

// HVReject logs that the hypervisor refused a request; text says which, in
// free prose on one line.
func (t *Trace) HVReject(text string) { t.addText(codeHVReject, 0, text) }

// Len is the number of lines.
func (t *Trace) Len() int { return len(t.lines) }

// Line returns line number i (from 0), without the newline.
func (t *Trace) Line(i int) string {
	l := &t.lines[i]
	return string(l.appendTo(nil, t.text(l)))
}

// WriteTo writes the canonical text, one LF-terminated line per call.
func (t *Trace) WriteTo(w io.Writer) (int64, error) { return t.writeTo(w, nil) }

// Hash is the SHA-256 of the canonical text, in hex.
func (t *Trace) Hash() string { return t.HashWithRejects(nil) }

// HashWithRejects is [Trace.Hash] with the text of the i-th hv_reject line
// replaced by rejects[i], as far as there is one.
func (t *Trace) HashWithRejects(rejects []string) string {
	h := sha256.New()
	// A hash never fails to take bytes.
	_, _ = t.writeTo(h, rejects)
	return hex.EncodeToString(h.Sum(nil))
}

// writeTo writes the canonical text with hv_reject texts substituted.
func (t *Trace) writeTo(w io.Writer, rejects []string) (int64, error) {
	bw := bufio.NewWriterSize(w, canonicalBuffer)
	var total int64
	for i := range t.lines {
		l := &t.lines[i]
		text := t.text(l)
		if l.op == codeHVReject && len(rejects) > 0 {
			text, rejects = rejects[0], rejects[1:]
		}
		n, err := bw.Write(append(l.appendTo(bw.AvailableBuffer(), text), '\n'))
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, bw.Flush()
}

// appendTo appends the canonical line without its newline.
func (l *traceLine) appendTo(b []byte, text string) []byte {
	b = append(b, l.op.name()...)
	switch l.op {
	case codeSetPTE, codeSetPMD, codeSetPGD, codeUpdateVA:
		b = appendHex(append(b, ' '), l.a, 8)
		b = appendHex(append(b, ' '), l.b, 16)
	case codeLoadCR3:
		b = appendHex(append(b, ' '), l.a, 8)
	case codeBootmem:
		b = appendHex(append(b, ' '), l.a, 1)
		b = append(append(b, ' '), text...)
	case codeAllocPD, codeAllocPT, codeNewBaseptr, codePinL3:
		b = appendHex(append(b, ' '), l.a, 1)
	case codeHVReject:
		b = append(append(b, ' '), text...)
	}
	return b
}
