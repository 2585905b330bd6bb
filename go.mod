module github.com/ptcheck/ptcheck

go 1.26
