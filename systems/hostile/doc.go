// Package hostile holds guests that try everything against the hypervisor's rules: stale
// translations, interrupted operations, frames that come and go, other domains, devices
// and two processors. There are many small scopes rather than one large graph;
// docs/hostile.md tells what they count.
package hostile
