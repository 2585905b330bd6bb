package systems

import "github.com/ptcheck/ptcheck/model"

// Settings that several systems share.

// LevelsSetting asks for numbers of table levels.
func LevelsSetting() Setting {
	return Setting{Name: "levels", Says: "numbers of table levels; hostile guests: one number", Kind: Numbers, Min: 2, Max: model.MaxLevels,
		Words: []string{"2", "3", "4"}}
}

// ProfileSetting asks for the rules of a hypervisor.
func ProfileSetting() Setting {
	return Setting{Name: "profile", Says: "hypervisor rules (default: all that the system has)", Kind: Word, Words: ProfileNames()}
}

// ProfileNames are the names of the hypervisors' rules.
func ProfileNames() []string {
	var names []string
	for _, p := range model.Profiles() {
		names = append(names, p.Name)
	}
	return names
}

// Profile returns the hypervisor's rules that values ask for, nil for none.
func (v Values) Profile() *model.Profile { return FindProfile(v["profile"]) }

// FindProfile returns the rules with a name, nil if there are none.
func FindProfile(name string) *model.Profile {
	for _, p := range model.Profiles() {
		if p.Name == name {
			return p
		}
	}
	return nil
}
