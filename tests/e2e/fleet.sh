# What fleets of scripts must live through, in small. tests/long/fleet.sh has it in full.
. tests/fleet/scenarios.sh

UPLOADS=700 POINTS='40 210 500'
PICKED=300 OTHERS=90
TAGGED=320 ALIKE=40
AUDITED=700
SITES=60
ITEMS=60
run_scenarios
finish
