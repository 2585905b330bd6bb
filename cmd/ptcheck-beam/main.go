// Command ptcheck-beam is ptcheck's explore on Apache Beam, for searches that outgrow one
// machine. README.md says how it is run.
package main

import (
	"flag"
	"os"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/gcs"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/local"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/s3"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/dataflow"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/flink"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/spark"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-beam/search"
	"github.com/ptcheck/ptcheck/cmd/ptcheck/cli"
	"github.com/ptcheck/ptcheck/systems/all"
)

func main() {
	if slices.ContainsFunc(os.Args[1:], isWorker) {
		flag.Parse()
		beam.Init() // works for a runner, and does not return
	}
	os.Exit(cli.MainWith("ptcheck-beam", &search.Engine{}, all.Systems()...))
}

// isWorker reports whether an argument is the one by which Beam starts workers.
func isWorker(arg string) bool {
	return strings.TrimLeft(arg, "-") == "worker" || strings.TrimLeft(arg, "-") == "worker=true"
}
