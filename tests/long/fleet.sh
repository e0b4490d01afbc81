# What fleets of scripts must live through, in full.
. tests/fleet/scenarios.sh

UPLOADS=10000 POINTS='1000 4321 9000'
PICKED=5000 OTHERS=1700
TAGGED=3412 ALIKE=500
AUDITED=25000
SITES=800
ITEMS=1000
run_scenarios
finish
