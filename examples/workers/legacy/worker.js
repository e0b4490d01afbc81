// An old-style Worker (service-worker syntax): what stands in for a tenant's former site. It
// answers robots, sends the addresses that moved to their new places and is polite about the rest.
// TENANT is a binding, so here it is a global.

const MOVED = new Map([
  ["/shop", "/products"],
  ["/shop.html", "/products"],
  ["/impressum.html", "/about"],
]);

const HEADERS = {
  "cache-control": "public, max-age=300",
  "x-content-type-options": "nosniff",
};

function tenant() {
  return typeof TENANT === "string" ? TENANT : "This site";
}

function answer(status, text, headers) {
  const all = Object.assign({}, HEADERS, headers);
  return new Response(text + "\n", { status: status, headers: all });
}

function handle(request) {
  const url = new URL(request.url);
  if (request.method !== "GET" && request.method !== "HEAD") {
    return answer(405, "Only GET and HEAD.", { allow: "GET, HEAD" });
  }
  if (url.pathname === "/robots.txt") {
    return answer(200, "User-agent: *\nDisallow: /");
  }
  const place = MOVED.get(url.pathname);
  if (place !== undefined) {
    return answer(301, "Moved to " + place, { location: url.origin + place + url.search });
  }
  return answer(410, tenant() + " has moved. Nothing is left at " + url.pathname + ".");
}

addEventListener("fetch", function (event) {
  event.respondWith(handle(event.request));
});
