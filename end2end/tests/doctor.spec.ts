// The doctor at the command line: what an operator sees without a browser.
import { expect, test } from "../fixtures/test.ts";
import { connectedPortal } from "../fixtures/portal.ts";

interface Report {
  ok: boolean;
  headline: string;
  checks: { id: string; outcome: string; says: string; remedy: string | null; qlik_code: string | null }[];
}

test("the doctor says at the command line what is so, and what is wrong", async ({ page, world }) => {
  const { control } = world;
  const nothing = world.run("doctor");
  expect(nothing.code).not.toBe(0);
  expect(nothing.err + nothing.out).toContain("there is no portal at 127.0.0.1");

  await connectedPortal(world, page);
  const words = world.run("doctor", "--portal", "127.0.0.1");
  expect(words.code, words.err).toBe(0);
  expect(words.out).toMatch(/✓ jwt_login +ada@acme\.example can sign in by JWT\./);
  expect(words.out).toContain("Connected");
  const well = JSON.parse(world.run("doctor", "--json").out) as Report;
  expect(well.ok).toBe(true);
  expect(well.checks).toHaveLength(21);

  await control.call("PATCH", `/web-integrations/${control.demo.web_integration_id}`, {
    origins: [world.origin.replace(/:\d+$/, ":1")],
  });
  const broken = world.run("doctor", "--json");
  expect(broken.code).toBe(1);
  const { ok, checks } = JSON.parse(broken.out) as Report;
  expect(ok).toBe(false);
  const failed = checks.filter((check) => check.outcome === "failed");
  expect(failed.map((check) => check.id)).toEqual(["origin"]);
  expect(failed[0]?.remedy).toContain(world.origin);
  for (const { out, err } of [words, broken]) expect(out + err).not.toContain(control.demo.api_key);
  const again = world.run("doctor");
  expect(again.code).toBe(1);
  expect(again.out).toMatch(/✕ origin/);
});
