package image

// UnpackLZO unpacks a page of LZO1X data.
func UnpackLZO(packed []byte) ([]byte, error) {
	var page Page
	n, err := unpackLZO(page[:], packed)
	return page[:n], err
}
