package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ptcheck/ptcheck/systems"
)

// settingFlags are the flags that stand for settings of systems. They are made from
// the settings: there is no list of them here.
type settingFlags struct {
	flags []*settingFlag
}

// settingFlag is a flag that stands for a setting. It implements pflag.Value.
type settingFlag struct {
	setting systems.Setting
	value   string
	given   bool
}

// newSettingFlags makes a flag of each setting that one of the systems has.
func newSettingFlags(list []systems.System) *settingFlags {
	s := &settingFlags{}
	for _, x := range list {
		for _, set := range x.Settings() {
			i := slices.IndexFunc(s.flags, func(f *settingFlag) bool { return f.setting.Name == set.Name })
			if i < 0 {
				s.flags = append(s.flags, &settingFlag{setting: set, value: set.Default})
				continue
			}
			s.flags[i].accept(set.Words)
		}
	}
	return s
}

// accept adds words that the setting has in another system. Whether they fit the one
// that is asked for is looked at when that is known.
func (f *settingFlag) accept(words []string) {
	for _, w := range words {
		if f.setting.Words != nil && !slices.Contains(f.setting.Words, w) {
			f.setting.Words = append(slices.Clip(f.setting.Words), w)
		}
	}
}

// register adds the flags to a command.
func (s *settingFlags) register(cmd *cobra.Command) {
	for _, f := range s.flags {
		p := cmd.Flags().VarPF(f, f.setting.Name, "", f.help())
		if f.setting.Kind == systems.Switch {
			p.NoOptDefVal = "true"
		}
		if f.setting.Words != nil {
			completeFlag(cmd, f.setting.Name, func() []string { return f.setting.Words })
		}
	}
}

// values are the settings that were given.
func (s *settingFlags) values() systems.Values {
	v := systems.Values{}
	for _, f := range s.flags {
		if f.given {
			v[f.setting.Name] = f.value
		}
	}
	return v
}

// help is the line of the help page.
func (f *settingFlag) help() string {
	text := f.setting.Says
	switch s := &f.setting; {
	case s.Kind == systems.Number || s.Kind == systems.Numbers:
		text += fmt.Sprintf(", %d to %d", s.Min, s.Max)
	case len(s.Words) > 0:
		text += ": " + strings.Join(s.Words, ", ")
	}
	return text
}

// String implements pflag.Value.
func (f *settingFlag) String() string { return f.value }

// Set implements pflag.Value.
func (f *settingFlag) Set(text string) error {
	usual, err := f.setting.Check(text)
	if err != nil {
		return err
	}
	f.value, f.given = usual, true
	return nil
}

// Type implements pflag.Value.
func (f *settingFlag) Type() string { return f.setting.Kind.String() }

var _ pflag.Value = (*settingFlag)(nil)
