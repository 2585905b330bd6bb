#!/bin/bash -eu
# Builds every fuzz target for libFuzzer. Runs in OSS-Fuzz's builder for Go, which
# sets SRC and OUT and has compile_native_go_fuzzer_v2.
#
# libFuzzer does not see the inputs that a target adds by itself: each target writes them down
# (internal/seeds), and they go into a zip beside it.
cd "${PTCHECK:-$SRC/ptcheck}"
module=$(go list -m)
seeds=$(mktemp -d)
trap 'rm -rf "$seeds"' EXIT
.ci/fuzz-targets | while read -r dir target; do
	name=$(sed -E 's/([a-z0-9])([A-Z])/\1_\2/g' <<<"$target" | tr '[:upper:]' '[:lower:]')
	compile_native_go_fuzzer_v2 "$module/${dir#./}" "$target" "$name"
	case $target in # those whose inputs are scenarios
	FuzzScenario | FuzzRoundTrip) cp model/script/testdata/scenario.dict "$OUT/$name.dict" ;;
	esac
	PTCHECK_SEEDS=$seeds go test -count=1 -run "^$target\$" "$dir" >&2
	if [ -d "$seeds/$target" ]; then
		find "$seeds/$target" -type f | LC_ALL=C sort | zip -q -j -X "$OUT/${name}_seed_corpus.zip" -@
	fi
done
