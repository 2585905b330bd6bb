package drawn

import "fmt"

// Kind is a family of machines to draw from.
type Kind struct {
	Backend string // native or xen
	Size    Size
	Levels  int
}

// Kinds are all families. A native kernel with four levels does not exist here.
func Kinds() []Kind {
	return []Kind{
		{"native", Tiny, 2}, {"native", Tiny, 3}, {"native", Real, 2}, {"native", Real, 3},
		{"xen", Tiny, 2}, {"xen", Tiny, 3}, {"xen", Tiny, 4}, {"xen", Real, 2}, {"xen", Real, 3}, {"xen", Real, 4},
	}
}

// String returns the family's name.
func (k Kind) String() string {
	return fmt.Sprintf("%s-%s-%d", k.Backend, [...]string{"tiny", "real"}[k.Size], k.Levels)
}

// Draw draws a machine of the family.
func (k Kind) Draw(d Draw) (*Boot, error) {
	if k.Backend == "native" {
		return Native(d, k.Size, k.Levels)
	}
	return Xen(d, k.Size, k.Levels)
}
