// What the server sends: headers that keep a page to itself, and no secret in
// any state of any page.
import type { Page } from "@playwright/test";
import { everyState } from "../fixtures/gallery.ts";
import { rightValues, setUp } from "../fixtures/portal.ts";
import { expect, test } from "../fixtures/test.ts";
import type { World } from "../fixtures/world.ts";

async function cookieHeader(page: Page): Promise<string> {
  return (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
}

/** The first thing that the status stream says. */
async function firstEvent(world: World, cookie: string): Promise<string> {
  const stop = new AbortController();
  const stream = await fetch(`${world.origin}/admin/settings/status/stream`, {
    headers: { cookie },
    signal: stop.signal,
  });
  const read = await stream.body?.getReader().read();
  stop.abort();
  const text = new TextDecoder().decode(read?.value);
  expect(text).toContain("status-facts");
  return text;
}

test("every answer carries its headers", async ({ page, world }) => {
  await setUp(world, page);
  for (const path of ["/apps", "/admin/settings", "/nothing/here", "/pkg/qonduit.css", "/pkg/none", "/healthz"]) {
    const response = await page.request.get(path);
    const headers = response.headers();
    expect(headers["x-content-type-options"], path).toBe("nosniff");
    expect(headers["referrer-policy"], path).toMatch(/same-origin|no-referrer/);
    const policy = headers["content-security-policy"] ?? "";
    expect(policy, path).toContain("default-src 'none'");
    expect(policy, path).toContain("frame-ancestors 'none'");
    expect(policy, path).not.toMatch(/unsafe-inline|unsafe-eval(?<!wasm-unsafe-eval)|\*/);
    expect(headers["cache-control"], path).toMatch(/no-store|no-cache/);
  }
  const html = await (await page.request.get("/admin/settings")).text();
  expect(html).not.toMatch(/ style="|\son\w+="|javascript:/);
  const scripts = html.match(/<script[^>]*>/g) ?? [];
  expect(scripts.length).toBeGreaterThan(0);
  expect(scripts.filter((tag) => !tag.includes("nonce="))).toEqual([]);
});

test("a page keeps its own headers while files are asked for beside it", async ({ page, world }) => {
  await setUp(world, page);
  const wrong: string[] = [];
  const ask = async (path: string, holds: (headers: Record<string, string>) => boolean): Promise<void> => {
    const response = await page.request.get(path, { maxRedirects: 0 });
    if (!holds(response.headers())) wrong.push(`${path}: ${JSON.stringify(response.headers())}`);
  };
  const nonce = (headers: Record<string, string>): boolean =>
    (headers["content-security-policy"] ?? "").includes("'nonce-");
  for (let round = 0; round < 40; round++) {
    const files = Array.from({ length: 6 }, () => ask("/favicon.svg", (headers) => !nonce(headers)));
    const redirects = ["/", "/setup"].map((path) => ask(path, nonce));
    const pages = ["/apps", "/profile", "/admin/users"].map((path) => ask(path, nonce));
    await Promise.all([...files, ...redirects, ...pages]);
  }
  expect(wrong).toEqual([]);
});

test("a nonce is used once", async ({ page, world }) => {
  await setUp(world, page);
  const nonces = new Set<string>();
  for (let n = 0; n < 5; n++) {
    const policy = (await page.request.get("/apps")).headers()["content-security-policy"];
    nonces.add(/'nonce-([^']+)'/.exec(policy ?? "")?.[1] ?? "");
  }
  expect(nonces.size).toBe(5);
});

test("no page in any state shows a secret", async ({ page, world, newPerson, browserConsole }) => {
  test.setTimeout(180_000);
  browserConsole.allow(/status of 40[34]/);
  const { key } = rightValues(world);
  let seen = 0;
  const look = async (state: string, html: string): Promise<void> => {
    seen += 1;
    const links = state.includes("join") || state.includes("one-time");
    const secrets = [...world.secrets, ...world.control.tokens, key].filter((s) => !(links && /^[\w-]{43}$/.test(s)));
    const shown = secrets.filter((secret) => secret && html.includes(secret));
    expect(shown, state).toEqual([]);
    // No token of Qlik's or of ours, and no key, of which no copy is at hand here.
    expect(html, state).not.toMatch(/eyJ[\w-]{20,}\.|PRIVATE KEY/);
  };
  await everyState({
    world,
    page,
    newPerson,
    look: async (state, shown) => {
      await look(state, await shown.content());
      // As it was sent, and what an open page is told.
      if (state === "settings-healthy") {
        await look(state, await (await page.request.get(shown.url())).text());
        await look(state, await firstEvent(world, await cookieHeader(shown)));
      }
    },
  });
  expect(seen).toBeGreaterThan(30);
});
