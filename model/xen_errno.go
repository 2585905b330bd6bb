package model

// Errno is what a hypercall answers: 0 or one of Xen's error numbers
// (xen/include/public/errno.h). The zero value is success.
type Errno uint8

// Error numbers that page-table hypercalls return.
const (
	OK     Errno = 0
	EPERM  Errno = 1
	ENOMEM Errno = 12
	EFAULT Errno = 14
	EACCES Errno = 13
	EBUSY  Errno = 16
	EINVAL Errno = 22
	ERANGE Errno = 34
	ENOSYS Errno = 38
	ESRCH  Errno = 3

	// EINTR and ERESTART end interrupted operations inside the hypervisor: the
	// first before, the second after something was done. A guest sees neither: it
	// makes the hypercall again.
	EINTR    Errno = 4
	ERESTART Errno = 85
)

// String returns the name, such as "-EINVAL", or "0".
func (e Errno) String() string {
	switch e {
	case OK:
		return "0"
	case EPERM:
		return "-EPERM"
	case ENOMEM:
		return "-ENOMEM"
	case EFAULT:
		return "-EFAULT"
	case EACCES:
		return "-EACCES"
	case EBUSY:
		return "-EBUSY"
	case EINVAL:
		return "-EINVAL"
	case ERANGE:
		return "-ERANGE"
	case ENOSYS:
		return "-ENOSYS"
	case ESRCH:
		return "-ESRCH"
	case EINTR:
		return "-EINTR"
	case ERESTART:
		return "-ERESTART"
	}
	return "-E?"
}
