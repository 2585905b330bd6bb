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

// FindProfile returns the rules with a name, nil if there are none. It knows those, too,
// that only some systems have.
func FindProfile(name string) *model.Profile {
	p, _ := model.ProfileNamed(name)
	return p
}

// GuestSetting asks for a kind of guest.
func GuestSetting() Setting {
	return Setting{Name: "guest", Says: "adversary, hyper: kind of guest (default: any; hyper: as each scope has it)", Kind: Word, Words: model.GuestKinds()}
}

// Guest is the kind of guest that values ask for, or other if they ask for none.
func (v Values) Guest(other model.GuestKind) model.GuestKind {
	if k, err := model.ParseGuestKind(v["guest"]); err == nil {
		return k
	}
	return other
}

// SymmetrySetting asks for symmetric states to count once; more are words for some of the
// symmetries that a system has.
func SymmetrySetting(more ...string) Setting {
	return Setting{Name: "symmetry", Says: "count symmetric states once: on bare machines frames that nothing but their numbers tells apart; frames: those of frames, not of slots; auto: as the system has it",
		Kind: Word, Words: append([]string{"auto", "on", "off"}, more...), Default: "auto"}
}
