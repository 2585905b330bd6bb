package audit

import "fmt"

func userNoExec() Rule {
	return Rule{
		ID:      "image-user-no-exec",
		Says:    "Where the kernel uses the no-execute bit for itself, some memory of a program has it, too: a program's stack and data are not executable throughout.",
		Applies: "where entries have the no-execute bit, to roots with user memory that is writable",
		Source:  "Documentation/admin-guide/kernel-parameters.txt (noexec); protection_map in mm/mmap.c, vm_get_page_prot",
		Limits:  "a program that asks for it looks the same: personality READ_IMPLIES_EXEC, which old programs get that do not say whether their stack is executable",
		unfit:   noNX,
		judge: func(a *Audit, s *sight) (string, bool) {
			if s.kind != aLeaf || !s.user || s.theirs || a.kernelHalf(s.va) {
				return "", false
			}
			u := a.users[a.root]
			if u == nil {
				u = &userMemory{}
				a.users[a.root] = u
				a.userRoots = append(a.userRoots, a.root)
			}
			u.pages += s.pages()
			if s.nx {
				u.nx += s.pages()
			}
			if s.rw && !s.nx {
				if u.writable == 0 {
					u.first = a.finding(s, "")
				}
				u.writable += s.pages()
			}
			return "", s.rw
		},
		finish: func(a *Audit, v *Verdict) {
			for _, root := range a.userRoots {
				u := a.users[root]
				if u.writable == 0 || u.nx > 0 {
					continue
				}
				f := u.first
				f.What = fmt.Sprintf("writable and executable, as all %d writable pages of the %d that user mode has here: none has the no-execute bit", u.writable, u.pages)
				v.add(u.writable, f)
			}
		},
	}
}

// userMemory counts the pages of user mode under a root.
type userMemory struct {
	pages, nx uint64
	writable  uint64 // and executable
	first     Finding
}
