// Routes are written "METHOD /path/:name"; a handler gets { request, env, url, params }. What a
// handler throws with a `status` is told to the client, anything else is a plain 500.

function compile(route, handler) {
  const [method, path] = route.split(" ");
  const pattern = path.replace(/:(\w+)/g, "(?<$1>[^/]+)");
  return { method, pattern: new RegExp(`^${pattern}$`), handler };
}

const failure = (status, error) => Response.json({ error }, { status });

export function router(table) {
  const routes = Object.entries(table).map(([route, handler]) => compile(route, handler));

  return async function route(request, env) {
    const url = new URL(request.url);
    const here = routes.filter(({ pattern }) => pattern.test(url.pathname));
    if (here.length === 0) return failure(404, `nothing at ${url.pathname}`);

    const method = request.method === "HEAD" ? "GET" : request.method;
    const found = here.find((candidate) => candidate.method === method);
    if (!found) return failure(405, `${url.pathname} does not take ${request.method}`);

    const { groups } = found.pattern.exec(url.pathname);
    try {
      return await found.handler({ request, env, url, params: { ...groups } });
    } catch (error) {
      if (!error.status) console.error(error);
      return failure(error.status ?? 500, error.status ? error.message : "something broke");
    }
  };
}
