package unicorn

import "testing"

func TestX(t *testing.T) {
	l, err := Load("/tmp/unicorn/root/usr/lib/x86_64-linux-gnu/libunicorn.so.2")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(l.Version(), l.env)
}
