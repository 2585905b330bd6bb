package initrd

import ("testing";"os")
func TestX(t *testing.T){ os.WriteFile("/tmp/rd64",Archive(AMD64),0o644); os.WriteFile("/tmp/rd32",Archive(I386),0o644); os.WriteFile("/tmp/init64",Init(AMD64),0o755); os.WriteFile("/tmp/init32",Init(I386),0o755)}
