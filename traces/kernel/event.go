package kernel

// Kind is the kind of an event. Its value is the letter that a line begins with.
type Kind byte

// Kinds of events. What the fields of an [Event] mean is said with each; those that are
// not named are zero.
const (
	// Control is a move to CR0, CR3 or CR4, or a wrmsr: RIP, Reg, and the values that
	// CR0, CR3, CR4 and EFER have from then on. Same says that none of them changed.
	Control Kind = 'C'
	// Mode is a change of the paging mode: Level is the number of table levels (3: PAE).
	// What was known of tables is void.
	Mode Kind = 'M'
	// Table says that Frame is in use as a table of level Level from now on. Root says
	// that it is a root, Offset where it begins in the frame: PAE has several roots of 32
	// bytes in a frame. What it holds follows as events of kind Run.
	Table Kind = 'T'
	// Run are Count entries of the table of the last event of kind Table, from Slot on:
	// New is the first, and each is Stride more than the one before. Slots that no run
	// names hold zero.
	Run Kind = 'e'
	// Store is a store to a table: RIP, Frame, Slot, the whole entry before (Old) and
	// after it (New), Size in bytes, Level, the address stored to (VA), Callers. Level 0:
	// the frame is no table yet but becomes one later.
	Store Kind = 'S'
	// Release says that nothing refers to Frame as a table of level Level any more.
	Release Kind = 'R'
	// Drop says that Frame, a root that no processor has loaded, is being taken down.
	Drop Kind = 'D'
	// Relevel says that Frame, a table of level Level, is referred to as one of Level2.
	Relevel Kind = 'L'
	// Invlpg is an invlpg: RIP, VA. Unknown says that the address was not decoded.
	Invlpg Kind = 'I'
	// Invpcid is an invpcid: RIP.
	Invpcid Kind = 'P'
	// Hypercall is a hypercall on its way: RIP, Number, Args, Callers.
	Hypercall Kind = 'H'
	// Entry is one entry of a multicall: Number, Args.
	Entry Kind = 'c'
	// Update is a request of the mmu_update before it: Ptr, New. Inner says that the
	// mmu_update is an entry of a multicall.
	Update Kind = 'u'
	// Extended is an operation of the mmuext_op before it: Cmd, Args[0] and Args[1].
	// Inner as in Update.
	Extended Kind = 'x'
	// Lost says that the arguments of the call before it could not be read. Inner as in
	// Update.
	Lost Kind = '!'
	// Block are words of memory that an argument of the call before it points to: Words.
	// Inner as in Update.
	Block Kind = 'b'
	// Answer is what the hypercall before it came to: RIP, Result. Stores between a
	// hypercall and its answer are the hypervisor's work.
	Answer Kind = 'h'
	// EntryAnswer is what an entry of a multicall came to, in the entries' order: Result.
	EntryAnswer Kind = 'r'
	// Records begins what the hypervisor itself has written down: Point says when.
	Records Kind = 'X'
	// FrameRecord are the records of Count frames from Frame on, which are all alike:
	// Words are Xen's count_info, type_info and owner.
	FrameRecord Kind = 'f'
	// Place says that Count frames of the guest's, by their numbers from PFN on, lie at
	// the machine frames from Frame on.
	Place Kind = 'p'
	// Differs says that memory held New where the recorder's copy had Old, in entry Slot
	// of Frame: a store was missed. Point says when it was seen.
	Differs Kind = '?'
)

// MaxCallers is how many return addresses an event has at most, MaxWords how many words.
const (
	MaxCallers = 4
	MaxWords   = 8
)

// Event is a line of a recording. Addresses and entries are raw; frames are machine frame
// numbers (addresses divided by 4096).
type Event struct {
	Kind Kind
	// Line is the number of the line, counted from 1; CPU the number of the processor.
	Line int
	CPU  int
	// RIP is the address of the instruction; a hypercall's answer has that of its call.
	RIP uint64

	Frame, PFN     uint64
	Slot, Count    int
	Stride         uint64
	Old, New       uint64
	Size           int
	Level, Level2  int
	Offset         int
	VA             uint64
	Reg            int // 0, 3 or 4
	CR0, CR3, CR4  uint64
	EFER           uint64
	Number         uint64 // of the hypercall
	Cmd            uint64
	Ptr            uint64
	Args           [4]uint64
	Result         int64
	Root, Same     bool
	Inner, Unknown bool
	Point          Point
	callers        [MaxCallers]uint64
	ncallers       uint8
	words          [MaxWords]uint64
	nwords         uint8
}

// Point says when something was looked at.
type Point uint8

// Points.
const (
	NoPoint    Point = iota
	AtStart          // at the guest's first instruction
	AtEnd            // when the recording ended
	AtMode           // when the paging mode changed
	OnSchedule       // now and then
)

// pointNames are the points' names in recordings.
var pointNames = [...]string{AtStart: "start", AtEnd: "end", AtMode: "mode", OnSchedule: "periodic"}

// String returns the point's name as recordings have it.
func (p Point) String() string { return pointNames[p] }

// Callers are words from the stack that look like return addresses, innermost first.
func (e *Event) Callers() []uint64 { return e.callers[:e.ncallers] }

// SetCallers replaces the return addresses; those beyond MaxCallers are left out.
func (e *Event) SetCallers(list ...uint64) { e.ncallers = uint8(copy(e.callers[:], list)) }

// Words are the words of the event.
func (e *Event) Words() []uint64 { return e.words[:e.nwords] }

// SetWords replaces the words; those beyond MaxWords are left out.
func (e *Event) SetWords(list ...uint64) { e.nwords = uint8(copy(e.words[:], list)) }
