// Package show steps through scenarios: what each call and each step inside it did to
// memory, how addresses are walked, what tables hold and what frames are used as. It is
// the session behind ptcheck show; it knows no system, only the contract.
package show
