module github.com/ptcheck/ptcheck/cmd/ptcheck-run

go 1.26.0

require github.com/ebitengine/purego v0.11.3

require golang.org/x/arch v0.33.0 // indirect
