package invariants

//go:generate go run ../internal/new list

// every lists the rules, each in a file of its own, in the order in which they are
// checked: of two that one step or state breaks, the first is reported. go generate
// adds the rules that are missing here, at the end, and takes out those that are gone;
// the order is made by hand.
func every() []Rule {
	return []Rule{
		presentNotReallocated(),
		leafRewritten(),
		hypervisorLives(),
		tablesReadOnly(),
		noStaleWrite(),
		translationsKept(),
		rootValid(),
		fixmapLands(),
		zapComplete(),
		zeroPageEmpty(),
		hypervisorSlots(),
		noTornEntry(),
		directMapTrue(),
		pointerFlags(),
		tablesReserved(),
		identityKept(),
		directMapComplete(),
		storesStay(),
		rootPinned(),
		setupIdempotent(),
		refusalsHeeded(),
		hookOrder(),
		futureTables(),
		ramOnly(),
		sparesReturned(),
		fixmapContiguous(),
		tablesMinimal(),
		sizeThenAttributes(),
		slotsKept(),
		linearOneDeep(),
		oneType(),
		partialConsistent(),
		tablesValid(),
		countsAgree(),
		nothingLeft(),
		pinsKept(),
		updatesLand(),
		storesDone(),
		queueFlushed(),
		noDangling(),
		nothingLeftBehind(),
		kernelPartShared(),
		aliasesAgree(),
		knownAtSuspend(),
		changesFlushed(),
		exitRestores(),
		userPartEmpty(),
		sharedReadOnly(),
	}
}
