#!/bin/bash -eu
# Builds every fuzz target for libFuzzer. Runs in OSS-Fuzz's builder for Go, which
# sets SRC and OUT and has compile_native_go_fuzzer_v2.
#
# libFuzzer does not see the inputs that a target adds by itself: those that the
# repository holds as files go into a zip beside the target.
cd "${PTCHECK:-$SRC/ptcheck}"
module=$(go list -m)
.ci/fuzz-targets | while read -r dir target; do
	name=$(sed -E 's/([a-z0-9])([A-Z])/\1_\2/g' <<<"$target" | tr '[:upper:]' '[:lower:]')
	compile_native_go_fuzzer_v2 "$module/${dir#./}" "$target" "$name"
	case $target in # those whose inputs are scenarios
	FuzzScenario | FuzzRoundTrip) cp model/script/testdata/scenario.dict "$OUT/$name.dict" ;;
	esac
	seeds=$dir/testdata/fuzz/$target
	if [ -d "$seeds" ]; then
		zip -q -j "$OUT/${name}_seed_corpus.zip" "$seeds"/*
	fi
done
