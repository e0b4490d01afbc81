import { DurableObject } from "cloudflare:workers";

export class Room extends DurableObject {
  async fetch() {
    return new Response("room");
  }
}

export class Hall extends DurableObject {
  async fetch() {
    return new Response("hall");
  }
}

export default {
  async fetch(request, env) {
    return env.ROOM.get(env.ROOM.idFromName("one")).fetch(request);
  },
};
