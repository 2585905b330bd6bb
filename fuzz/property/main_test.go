package property_test

import (
	"flag"
	"os"
	"testing"

	"github.com/leanovate/gopter"
)

// seed is where both libraries begin unless told otherwise, so that a test run
// can be repeated. CI runs with fresh ones besides.
const seed = "1"

// TestMain gives rapid its seed, and gopter -property.seed.
func TestMain(m *testing.M) {
	flag.Int64("property.seed", 1, "gopter's seed")
	flag.Parse()
	given := os.Getenv("RAPID_SEED") != ""
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.seed" })
	if !given {
		if err := flag.Set("rapid.seed", seed); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// gopterParameters are gopter's defaults from the seed given.
func gopterParameters() *gopter.TestParameters {
	n, _ := flag.Lookup("property.seed").Value.(flag.Getter).Get().(int64)
	return gopter.DefaultTestParametersWithSeed(n)
}
