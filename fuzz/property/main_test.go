package property_test

import (
	"flag"
	"os"
	"strconv"
	"testing"

	"github.com/leanovate/gopter"

	"github.com/ptcheck/ptcheck/internal/longtest"
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
		setFlag("rapid.seed", seed)
	}
	checks := os.Getenv("RAPID_CHECKS") != "" || longtest.On() || testing.Short()
	flag.Visit(func(f *flag.Flag) { checks = checks || f.Name == "rapid.checks" })
	if !checks {
		setFlag("rapid.checks", "12") // rapid takes 100 by itself, and a fifth of it with -short
	}
	os.Exit(m.Run())
}

// rapidChecks is the value of -rapid.checks for n of them: with -short rapid takes a fifth of it.
func rapidChecks(n int) string {
	if testing.Short() {
		n *= 5
	}
	return strconv.Itoa(n)
}

func setFlag(name, value string) {
	if err := flag.Set(name, value); err != nil {
		panic(err)
	}
}

// gopterParameters are gopter's defaults from the seed given; in the long form 100 cases.
func gopterParameters() *gopter.TestParameters {
	n, _ := flag.Lookup("property.seed").Value.(flag.Getter).Get().(int64)
	p := gopter.DefaultTestParametersWithSeed(n)
	if !longtest.On() {
		p.MinSuccessfulTests = 8
	}
	return p
}
