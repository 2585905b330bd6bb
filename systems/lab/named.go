package lab

import (
	"strconv"
	"strings"
)

// errnoName returns Xen's name of an error number that the recordings show by
// name, or "".
func errnoName(n int) string {
	switch n {
	case 1:
		return "EPERM"
	case 2:
		return "ENOENT"
	case 3:
		return "ESRCH"
	case 7:
		return "E2BIG"
	case 11:
		return "EAGAIN"
	case 12:
		return "ENOMEM"
	case 13:
		return "EACCES"
	case 14:
		return "EFAULT"
	case 16:
		return "EBUSY"
	case 22:
		return "EINVAL"
	case 38:
		return "ENOSYS"
	case 85:
		return "ERESTART"
	case 95:
		return "EOPNOTSUPP"
	}
	return ""
}

// named replaces the error number at the end of each answer by its name, as the
// program does that collects the executor's lines.
func named(lines []string) []string {
	for i, l := range lines {
		if strings.HasPrefix(l, "R ") {
			lines[i] = errorNamed(l)
		}
	}
	return lines
}

// errorNamed names the error number that a text ends in.
func errorNamed(text string) string {
	n := strings.LastIndex(text, " -")
	if n < 0 {
		return text
	}
	if v, err := strconv.Atoi(text[n+2:]); err == nil && errnoName(v) != "" {
		return text[:n+2] + errnoName(v)
	}
	return text
}
