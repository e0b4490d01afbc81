# Installs what tests and benches run from npm into a cache outside the tree. `$scratch` is a folder of
# whoever reads this.
clients=${XDG_CACHE_HOME:-$HOME/.cache}/moonherd/clients

# need PACKAGE VERSION: $installed is where it lies. Without npm nothing here can be tested, and that
# is a failure.
need() {
  installed=$clients/$1-$2
  if [ ! -e "$installed/done" ]; then
    echo "installing $1@$2 from npm"
    rm -rf "$installed"
    mkdir -p "$installed"
    npm install --ignore-scripts --no-audit --no-fund --prefix "$installed" "$1@$2" \
      > "$scratch/npm" 2>&1 || { cat "$scratch/npm"; echo "npm could not install $1@$2"; exit 1; }
    : > "$installed/done"
  fi
  installed=$installed/node_modules/$1
}
