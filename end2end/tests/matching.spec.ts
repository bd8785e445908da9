// Who will match: a comparison from the button to the file, and what Qlik may do
// at a sign-in.
import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { expect, test } from "../fixtures/test.ts";
import { connectedPortal, invite, join, post, switchTo } from "../fixtures/portal.ts";
import { people, type World } from "../fixtures/world.ts";

const { bea, dora, zoe } = people;

const says = (page: Page) => page.locator("#matching-says");
const rows = (page: Page) => page.getByRole("region", { name: "Users and their verdicts" }).locator("tbody tr");
const verdicts = (page: Page) => page.getByRole("region", { name: "Verdicts", exact: true }).locator("tbody tr");

/** Waits for the end as a person does: watching, or without a script by the link. */
async function compare(page: Page, script: boolean | undefined): Promise<void> {
  await page.goto("/admin/users/matching");
  await page.getByRole("button", { name: "Compare now" }).click();
  await expect(says(page)).not.toContainText("Nothing was compared yet");
  await ended(page, script);
}

async function ended(page: Page, script: boolean | undefined): Promise<void> {
  if (script !== false) return expect(says(page)).toContainText("Compared with");
  await expect(async () => {
    const refresh = page.getByRole("link", { name: "Refresh" });
    if (await refresh.isVisible()) await refresh.click();
    await expect(says(page)).toContainText("Compared with", { timeout: 250 });
  }).toPass();
}

/** So many Qlik users more than those of the demo. */
async function manyAtQlik({ control }: World, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    await control.call("POST", "/users", { tenant: control.demo.tenant_id, email: `many${n}@elsewhere.example` });
  }
}

test.describe("who will match", { tag: "@forms" }, () => {
  test("a comparison shows whom Qlik has, filtered and sorted, and as a file", async ({
    page,
    world,
    javaScriptEnabled,
  }) => {
    await connectedPortal(world, page);
    for (const who of [bea, dora, zoe]) await invite(world, page, who);
    await page.goto("/admin/users");
    await page.getByRole("link", { name: "Who will match at Qlik" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Who will match" })).toBeVisible();
    await expect(page.getByText("No result yet")).toBeVisible();
    await world.control.log();
    await compare(page, javaScriptEnabled);

    await expect(verdicts(page)).toHaveCount(3);
    await expect(verdicts(page).filter({ hasText: "No such user" })).toContainText("Invite the user in Qlik");
    await expect(rows(page)).toHaveCount(4);
    await expect(rows(page).first()).toContainText(zoe.email);
    await expect(rows(page).filter({ hasText: dora.email })).toContainText("Disabled at Qlik");

    await page.getByRole("link", { name: "E-mail", exact: true }).click();
    await expect(page.getByRole("columnheader", { name: "E-mail" })).toHaveAttribute("aria-sort", "ascending");
    await expect(rows(page).first()).toContainText("ada@acme.example");
    await page.getByRole("link", { name: "E-mail", exact: true }).click();
    await expect(page.getByRole("columnheader", { name: "E-mail" })).toHaveAttribute("aria-sort", "descending");
    await page.getByLabel("Search e-mail or name").fill("ACME.example");
    await page.getByLabel("Verdict", { exact: true }).selectOption("Matched");
    await page.getByRole("button", { name: "Show" }).click();
    await expect(page).toHaveURL(/q=ACME\.example&verdict=matched&sort=-email$/);
    await expect(rows(page)).toHaveCount(2);
    await expect(rows(page).first()).toContainText(bea.email);

    const begun = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download as CSV" }).click();
    const file = readFileSync(await (await begun).path(), "utf8");
    const lines = file.split("\r\n").filter((line) => line !== "");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toContain('"E-mail","Name","Verdict","What to do"');
    expect(lines[2]).toContain(`"${bea.email}","${bea.name}","Matched"`);
    // Nobody was asked for one by one.
    const log = await world.control.log();
    expect(log.filter(({ path }) => path === "/api/v1/users").length).toBeLessThan(6);
  });

  test("a comparison under way is followed without a reload, or by its link", async ({
    page,
    world,
    javaScriptEnabled,
  }) => {
    await connectedPortal(world, page);
    await manyAtQlik(world, 250);
    await world.control.fault({ path: "/api/v1/users$", effect: { delay: { ms: 900 } } });
    await page.goto("/admin/users/matching");
    await page.getByRole("button", { name: "Compare now" }).click();
    await expect(says(page)).toContainText("Qlik’s users are read");
    await expect(page.getByRole("link", { name: "Refresh" })).toBeVisible();
    if (javaScriptEnabled !== false) {
      await page.evaluate(() => document.body.setAttribute("data-same-page", ""));
      await expect(page.locator("#matching-progress")).toContainText(/\d pages? read, with \d+ Qlik users/);
    }
    await ended(page, javaScriptEnabled);
    await expect(rows(page)).toHaveCount(1);
    await expect(page.getByText("1 user of this portal, 254 Qlik users.")).toBeVisible();
    if (javaScriptEnabled !== false) await expect(page.locator("body[data-same-page]")).toHaveCount(1);
  });

  test("a rate limit is waited for, and said so", async ({ page, world }) => {
    await connectedPortal(world, page);
    await world.control.fault({ path: "/api/v1/users$", effect: { rate_limited: { retry_after_s: 240 } } });
    await page.goto("/admin/users/matching");
    await page.getByRole("button", { name: "Compare now" }).click();
    await expect(async () => {
      await page.goto("/admin/users/matching");
      await expect(says(page)).toContainText("rate limit is reached", { timeout: 250 });
    }).toPass();
    await expect(says(page)).toContainText("It goes on at");
    await expect(says(page)).toContainText("HTTP-429");
  });

  test("a user whom Qlik lacks is made only once an administrator allows it", async ({
    page,
    world,
    newPerson,
    javaScriptEnabled,
  }) => {
    await connectedPortal(world, page);
    const zoes = await newPerson();
    await join(world, page, zoes, zoe);
    await zoes.goto("/apps");
    await expect(zoes.getByRole("alert")).toContainText("has no user with the e-mail");
    const made = async (): Promise<number> => (await world.control.call<unknown[]>("GET", "/events")).length;
    expect(await made()).toBe(0);

    await compare(page, javaScriptEnabled);
    await page.getByLabel("Let Qlik create users that it lacks (each may use a licence)").check();
    await page.getByRole("button", { name: "Save what is allowed" }).click();
    await expect(page.getByRole("status").filter({ hasText: "is saved" }).first()).toBeVisible();
    await expect(says(page)).toContainText("under other choices");
    await compare(page, javaScriptEnabled);
    await expect(rows(page).filter({ hasText: zoe.email })).toContainText("Would be created");
    await expect(verdicts(page).filter({ hasText: "Would be created" })).toContainText("may use a licence");

    await zoes.goto("/apps");
    await expect(zoes.getByText("You see no apps yet")).toBeVisible();
    expect(await made()).toBe(1);
    await page.goto("/admin/audit");
    await expect(page.getByRole("row").filter({ hasText: "which made the user" })).toContainText(zoe.email);
  });

  test("a subject is changed only once an administrator allows it", async ({ page, world, newPerson }) => {
    await connectedPortal(world, page);
    const { tenant_host, web_integration_id } = world.control.demo;
    const saved = { tenant_host, web_integration_id, auth_option: "api_key", email_as_subject: "true" };
    await post(world, page.request, "settings/save", saved);
    await switchTo(world, page);
    const beas = await newPerson();
    await join(world, page, beas, bea);
    await beas.goto("/apps");
    await expect(beas.getByRole("alert")).toContainText("another subject");
    await expect(beas.getByRole("link", { name: "Open Who will match" })).toHaveCount(0);
    const subject = async (): Promise<string | undefined> =>
      (await world.control.tenant()).users.find(({ email }) => email === bea.email)?.subject;
    const before = await subject();
    expect(before).toMatch(/^auth0/);
    await page.goto("/apps");
    await page.getByRole("link", { name: "Open Who will match" }).click();
    await page.getByLabel("Let Qlik give an existing user this portal’s subject").check();
    await page.getByRole("button", { name: "Save what is allowed" }).click();
    await expect(page.getByRole("status").filter({ hasText: "is saved" }).first()).toBeVisible();
    await beas.goto("/apps");
    await expect(beas.getByText(`as ${bea.email} sees them in Qlik`)).toBeVisible();
    expect(await subject()).toBe(bea.email);
  });
});
