package search

import (
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal/extworker"
	"github.com/spf13/cobra"
)

// Commands implements [cli.Engine]: Beam's embedded runner and its workers as processes of
// their own.
func (e *Engine) Commands() []*cobra.Command { return []*cobra.Command{newPrism(), newWorkers()} }

// newPrism is the runner as a server.
func newPrism() *cobra.Command {
	var port int
	cmd := &cobra.Command{
		Use: "prism", Short: "Serve Beam's embedded runner to other processes of this machine",
		Long:    "prism takes jobs on a port until it is interrupted; explore finds it by --endpoint.",
		Example: "  ptcheck-beam prism --port=8073", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log.SetupLogging("warn", "text")
			if _, err := prism.CreateJobServer(cmd.Context(), prism.Options{Port: port}); err != nil {
				return fmt.Errorf("prism: %w", err)
			}
			<-cmd.Context().Done()
			return nil
		},
	}
	cmd.Flags().IntVar(&port, "port", 8073, "where jobs are taken")
	return cmd
}

// newWorkers is a pool of workers.
func newWorkers() *cobra.Command {
	var port int
	cmd := &cobra.Command{
		Use: "workers", Short: "Work for a runner, in this process, whenever it asks",
		Long:    "workers starts a worker for each job that asks on a port of this machine, until it is\ninterrupted; explore names it by --environment_type=external --environment_config.",
		Example: "  ptcheck-beam workers --port=50000", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			initBeam("warn")
			pool, err := extworker.StartLoopback(cmd.Context(), port)
			if err != nil {
				return fmt.Errorf("workers: %w", err)
			}
			<-cmd.Context().Done()
			return pool.Stop(cmd.Context())
		},
	}
	cmd.Flags().IntVar(&port, "port", 50000, "where a runner asks for workers")
	return cmd
}
