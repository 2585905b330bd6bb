package golden

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"
)

// canonicalBuffer is the size in bytes of the buffer canonical text is
// gathered in before it is written or hashed.
const canonicalBuffer = 32 << 10

// Canonical writes the canonical text of tables, which must be in dump order
// (see [SortTables]): per table a line "T %08x L%d W%d R%d" and a line
// "E %d %016x" for each entry. Entries with Raw 0 are skipped.
func Canonical(w io.Writer, tables []Table) error {
	return canonical(w, tables, false)
}

// canonical writes the canonical text, optionally of reachable tables only.
func canonical(w io.Writer, tables []Table, reachableOnly bool) error {
	bw := bufio.NewWriterSize(w, canonicalBuffer)
	for i := range tables {
		t := &tables[i]
		if reachableOnly && !t.Reachable {
			continue
		}
		if _, err := bw.Write(appendTableLine(bw.AvailableBuffer(), t)); err != nil {
			return err
		}
		for _, e := range t.Entries {
			if e.Raw == 0 {
				continue
			}
			b := append(bw.AvailableBuffer(), "E "...)
			b = strconv.AppendInt(b, int64(e.Index), 10)
			b = append(b, ' ')
			b = appendHex(b, e.Raw, 16)
			if _, err := bw.Write(append(b, '\n')); err != nil {
				return err
			}
		}
	}
	return bw.Flush()
}

// appendTableLine appends the "T" line of a table.
func appendTableLine(b []byte, t *Table) []byte {
	b = append(b, "T "...)
	b = appendHex(b, t.PA, 8)
	b = append(b, " L"...)
	b = strconv.AppendInt(b, int64(t.Level), 10)
	b = append(b, " W"...)
	b = strconv.AppendInt(b, int64(t.Width), 10)
	if t.Reachable {
		return append(b, " R1\n"...)
	}
	return append(b, " R0\n"...)
}

// appendHex appends v in lower-case hex with at least width digits.
func appendHex(b []byte, v uint64, width int) []byte {
	const digits = "0123456789abcdef"
	n := 1
	for x := v >> 4; x != 0; x >>= 4 {
		n++
	}
	for i := max(n, width) - 1; i >= 0; i-- {
		b = append(b, digits[v>>(4*uint(i))&0xf])
	}
	return b
}

// HashTables is the SHA-256 of the canonical text of all tables, in hex.
func HashTables(tables []Table) string { return hashTables(tables, false) }

// HashReachable is the SHA-256 of the canonical text of the reachable tables,
// in hex.
func HashReachable(tables []Table) string { return hashTables(tables, true) }

// hashTables hashes the canonical text.
func hashTables(tables []Table, reachableOnly bool) string {
	h := sha256.New()
	// A hash never fails to take bytes.
	_ = canonical(h, tables, reachableOnly)
	return hex.EncodeToString(h.Sum(nil))
}
