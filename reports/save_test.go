package reports

import "testing"

// TestFreeName wants a name of its own for every file.
func TestFreeName(t *testing.T) {
	var files []File
	for _, want := range []string{"a.pt", "a-2.pt", "a-3.pt"} {
		got := freeName(files, "a.pt")
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		files = append(files, File{Name: got})
	}
}
