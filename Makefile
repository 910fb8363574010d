# make demo | test | lint | bench: each sets up what it needs in .venv the first time and is quick the second.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

.PHONY: demo install install-units test test-quick lint bench capacity drawn-loitering full-disk-day kills fault-hour lens-faults cuts clock-steps hour-without ingest-rate edge-to-wall requests fuzz screenshots system scripts train test-train test-openvino clean

demo: .venv/.demo
	$(BIN)/gatehouse demo $(DEMO)

# As services of this machine, as root; README.md says what to do then. `make install PARTS=edge` on a box.
PARTS ?= edge console broker
PROGRAM := /opt/gatehouse
install: install-units
	umask 022; $(PYTHON) -m venv $(PROGRAM) && $(PROGRAM)/bin/python -m pip --disable-pip-version-check install --quiet \
	  -c constraints.txt '.[edge,console]'
	systemd-sysusers gatehouse.conf
	for part in $(PARTS); do install -d -m 750 -o root -g gatehouse-$$part /etc/gatehouse/$$part; done
	systemctl daemon-reload

install-units:
	install -D -m 644 -t $(DESTDIR)/etc/systemd/system $(foreach part,$(PARTS),$(wildcard configs/systemd/gatehouse-$(part)[.-]*))
	install -D -m 644 -t $(DESTDIR)/usr/lib/sysusers.d configs/systemd/gatehouse.conf

# Three files at a time on two cores: those that start processes wait for most of their time.
test: .venv/.dev system scripts lint test-quick
	$(BIN)/python -m pytest -n 3 --dist loadfile -m "system or browser" $(TESTS) $(NONE_IS_FINE)

test-quick: .venv/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not system and not browser and not bench" $(TESTS) $(NONE_IS_FINE)

# Of named tests one half may have none; of all tests that would be a fault.
NONE_IS_FINE = $(and $(TESTS),|| [ $$? -eq 5 ])

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev .venv-peer/.peers
	$(BIN)/python tests/bench/mot_compare.py
	$(BIN)/python tests/bench/budget.py
	$(BIN)/python -m pytest -m bench -s tests/bench

# Two hundred drawn scenes through the whole chain; hours on two cores, and says how long.
drawn-loitering: .venv/.dev
	$(BIN)/python tests/bench/drawn_loitering.py --scenes 200 --list

# A day on a disk that others fill to the last byte; ten minutes and more, DAY='--hours 2' less than one. Needs to mount.
full-disk-day: .venv/.dev
	nice -n 10 $(BIN)/python tests/simulation/disk_day.py $(DAY)

# Five hundred kills at random instants, half an hour; KILLS='--kills 50 --seed 3' fewer, and others.
kills: .venv/.dev system
	nice -n 10 $(BIN)/python tests/simulation/kill_campaign.py $(KILLS)

# Every RTSP fault in turn, then an hour of them at random; HOUR='--minutes 10' less.
fault-hour: .venv/.dev
	nice -n 10 $(BIN)/python tests/simulation/rtsp_fault_hour.py $(HOUR)

# Every fault of a camera's picture on drawn and real places, and 24 hours of ordinary days; half an hour. LENS='--hours 2'.
lens-faults: .venv/.dev
	nice -n 10 $(BIN)/python tests/simulation/integrity_table.py $(or $(LENS),--hours 24)

# Broker and console cut off from the node, a quarter of an hour; CUTS='--cuts 5' fewer. Needs a network namespace.
cuts: .venv/.dev system
	nice -n 10 $(BIN)/python tests/simulation/network_cuts.py $(CUTS)

# The node's clock set by hours, ten minutes; CLOCK='--steps 6' fewer.
clock-steps: .venv/.dev system
	nice -n 10 $(BIN)/python tests/simulation/clock_steps.py $(CLOCK)

# An hour without broker and console, 10,000 events, with room for them and without; ten minutes. APART='--outbox small'.
hour-without: .venv/.dev system
	nice -n 10 $(BIN)/python tests/simulation/hour_without.py $(APART)

# A thousand events a second for a minute, of a thousand boxes; INGEST='--database sqlite --rate 500' something else.
ingest-rate: .venv/.dev system
	$(BIN)/python tests/bench/ingest_rate.py $(or $(INGEST),--database postgresql --processes 2)

# Seconds from a camera's frame to the alert in Chromium, of thirty alerts; nine minutes. WALL='--alerts 5' fewer.
edge-to-wall: .venv/.dev system
	nice -n 10 $(BIN)/python tests/bench/edge_to_wall.py $(WALL)

# Each route of the console asked three hundred times, in ways that its schema allows and forbids; REQUESTS=1000 more.
requests: .venv/.dev system
	GATEHOUSE_REQUESTS=$(or $(REQUESTS),300) $(BIN)/python -m pytest tests/console/test_any_request.py

# Inputs that are nearly right into all that reads what others wrote. FUZZ='--engine atheris --minutes 2' is led by what
# code they reach, where `pip install atheris` is done.
fuzz: .venv/.dev
	nice -n 10 $(BIN)/python -W ignore tests/fuzz/fuzz.py $(FUZZ)

screenshots: .venv/.dev system
	$(BIN)/python tests/browser/screenshots.py $(SHOTS)

# Real parts that tests drive: mosquitto, PostgreSQL, Chromium, GStreamer. Installs only what is missing.
system:
	@sh tests/system_packages.sh

# TypeScript, which checks the types of the pages' scripts. Where npm's registry can't be reached, that test is skipped.
scripts: .venv/.dev
	@[ -e .venv/.scripts ] || sh tests/typescript.sh && touch .venv/.scripts || true

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Gatehouse needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.12 ..."; exit 1; }
	@echo "making .venv ..."
	@$(PYTHON) -m venv .venv \
	  || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; rm -rf .venv; exit 1; }

.venv/.demo: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing Gatehouse (a minute the first time) ..."
	@$(PIP) -e '.[demo]'
	@touch $@

.venv/.dev: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing Gatehouse and its test tools (a minute the first time) ..."
	@$(PIP) -e '.[dev]'
	@touch $@ .venv/.demo

# What ours is compared with lives apart: it brings another OpenCV, and PyTorch.
PEERS := trackers==2.6.1 supervision==0.31.2 ultralytics==8.4.190 onnxruntime==1.32.0 torchvision==0.28.0
.venv-peer/.peers:
	@echo "installing trackers, supervision and ultralytics to compare with (minutes the first time) ..."
	@$(PYTHON) -m venv .venv-peer
	@.venv-peer/bin/python -m pip --disable-pip-version-check install --quiet $(TORCH)
	@.venv-peer/bin/python -m pip --disable-pip-version-check install --quiet $(TORCH) $(PEERS)
	@touch $@

# How many cameras fit, ours and theirs: half an hour on a machine with nothing else to do.
VIDEO ?= ../shared/assets/videos/pets09_s2l1_campus_480x360.mp4
NETWORK ?= ../shared/assets/models/yolov8n_640_fp32dq.onnx
capacity: .venv/.dev .venv-peer/.peers
	$(BIN)/python tests/bench/capacity_compare.py $(addprefix --video ,$(VIDEO)) --model $(NETWORK)

# OpenVINO lives apart: where it is installed, `provider: auto` measures, and tests shall not depend on what is fast.
.venv-openvino/.ready: .venv/.dev
	@echo "installing OpenVINO ..."
	@$(PIP) --no-deps --target .venv-openvino openvino
	@touch $@

test-openvino: .venv-openvino/.ready
	PYTHONPATH=.venv-openvino $(BIN)/python -m pytest tests/edge/adapters/test_providers.py

# Training our own detector lives apart: PyTorch is large. TORCH may name another build, say one for a GPU.
TORCH ?= torch==2.13.0
ASSETS ?= ../shared/assets
CANVASES ?= 600000
LEARN := var/train
TRAIN := nice -n 19 .venv-train/bin/gatehouse models train

# Goes on from the last checkpoint, at the lowest priority; stop it at any time. See models/weights/README.md.
VALIDATION := people drawn night gate-night
train: .venv-train/.ready $(patsubst %,$(LEARN)/%-0.npz,people drawn drawn-night drawn-things $(VALIDATION:%=val-%))
	@test -e $(LEARN)/person.pt || \
	  { cp models/weights/person.pt $(LEARN)/person.pt.copy && mv $(LEARN)/person.pt.copy $(LEARN)/person.pt; }
	$(TRAIN) fit $$(ls $(LEARN)/*.npz | grep -v /val-) --canvases $(CANVASES) \
	  $(VALIDATION:%=--val $(LEARN)/val-%-0.npz) --checkpoint $(LEARN)/person.pt $(FIT)

test-train: .venv-train/.ready
	.venv-train/bin/python -m pytest tests/models/train

# What is not in this repository: the pictures, and the networks that complete their labels.
PICTURES = @test -e $(ASSETS)/person_train/$(1) || \
  { echo "$(ASSETS)/person_train/$(1) is not here: name the folder that holds person_train/ and models/ with ASSETS=FOLDER,"; \
    echo "see \"What it learnt from\" in models/weights/README.md"; exit 1; }

$(LEARN)/people-0.npz: | .venv-train/.ready
	$(call PICTURES,train_0.tar)
	$(TRAIN) prepare $(LEARN)/people $(addprefix --archive ,$(wildcard $(ASSETS)/person_train/train_*.tar)) \
	  --teacher $(ASSETS)/models/yolox_nano_416.onnx --teacher $(ASSETS)/models/yolo11n_320_fp32dq.onnx

$(LEARN)/drawn-0.npz: | .venv-train/.ready
	$(TRAIN) prepare $(LEARN)/drawn --scenes 1000:1240

# Lit by the camera's own lamp, and things that are no people: cars, dogs, washing, scarecrows.
$(LEARN)/drawn-night-0.npz: | .venv-train/.ready
	$(TRAIN) prepare $(LEARN)/drawn-night --scenes 2000:2064 --light night_ir --things --per-scene 8

$(LEARN)/drawn-things-0.npz: | .venv-train/.ready
	$(TRAIN) prepare $(LEARN)/drawn-things --scenes 1240:1288 --things --per-scene 6

$(LEARN)/val-people-0.npz: | .venv-train/.ready
	$(call PICTURES,val_0.tar)
	$(TRAIN) prepare $(LEARN)/val-people --archive $(ASSETS)/person_train/val_0.tar

$(LEARN)/val-drawn-0.npz: | .venv-train/.ready
	$(TRAIN) prepare $(LEARN)/val-drawn --scenes 9000:9040

$(LEARN)/val-night-0.npz: | .venv-train/.ready
	$(call PICTURES,val_0.tar)
	$(TRAIN) prepare $(LEARN)/val-night --archive $(ASSETS)/person_train/val_0.tar --by-night

$(LEARN)/val-gate-night-0.npz: | .venv-train/.ready
	$(TRAIN) prepare $(LEARN)/val-gate-night --scenes 9100:9140 --light night_ir --things --per-scene 4

.venv-train/.ready: pyproject.toml constraints.txt
	@echo "installing PyTorch and what training needs (minutes the first time) ..."
	@$(PYTHON) -m venv .venv-train
	@.venv-train/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt $(TORCH) \
	  -e '.[train]' pytest pytest-timeout
	@touch $@

clean:
	rm -rf .venv .venv-peer .venv-openvino .venv-train var .pytest_cache .mypy_cache .ruff_cache .hypothesis
