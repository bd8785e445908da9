// The replacement of the signing key: phase by phase, with a user who works on.
import { expect, test } from "../fixtures/test.ts";
import { connectedPortal, join } from "../fixtures/portal.ts";
import { people } from "../fixtures/world.ts";
import type { Locator, Page } from "@playwright/test";

const says = (text: string | RegExp) => ({ hasText: text });

/** The line of a phase. */
function phase(page: Page, title: string): Locator {
  const heading = page.getByRole("heading", { level: 3, name: title, exact: true });
  return page.locator("ol.checks li").filter({ has: heading });
}

async function press(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name, exact: true }).click();
}

async function seesApps(page: Page): Promise<void> {
  await page.goto("/apps");
  await expect(page.locator("ul.apps li").first()).toBeVisible();
}

test.describe("signing key", { tag: "@forms" }, () => {
  test("a key is replaced phase by phase while a user works on, and the last phase asks first", async ({
    page,
    world,
    newPerson,
  }) => {
    const { control } = world;
    await connectedPortal(world, page);
    const beas = await newPerson();
    await join(world, page, beas, people.bea);
    await seesApps(beas);
    const [old] = (await control.tenant()).idps;

    await page.goto("/admin/settings");
    await page.getByRole("link", { name: "Replace the signing key" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Signing key" })).toBeVisible();
    await expect(page.getByRole("region", { name: "Key in use" })).toContainText(old?.kid ?? "?");
    await press(page, "Make a new key");
    await expect(page.getByRole("status").filter(says("The new key is ready"))).toBeVisible();
    await expect(phase(page, "Switch")).toContainText("Your turn");
    expect((await control.tenant()).idps).toHaveLength(2);
    await seesApps(beas);

    await page.goto("/admin/settings/signing-key");
    await press(page, "Switch to the new key");
    await expect(phase(page, "Switch")).toContainText("Done");
    await expect(phase(page, "Retire")).toContainText("Under way");
    await press(page, "Go back to the old key");
    await expect(page.getByRole("status").filter(says("The old key is used again"))).toBeVisible();
    await press(page, "Switch to the new key");
    await expect(phase(page, "Retire")).toContainText("Under way");
    const beasId = control.user("bea").id;
    const before = await control.sessionsOf(beasId);
    await seesApps(beas);
    expect(await control.sessionsOf(beasId), "an open session goes on").toEqual(before);

    await page.goto("/admin/settings/signing-key");
    await page.getByRole("link", { name: "Retire the old key…" }).click();
    await expect(page.getByRole("listitem").filter(says("can’t be undone"))).toBeVisible();
    await page.getByRole("link", { name: "Cancel" }).click();
    await page.getByRole("link", { name: "Retire the old key…" }).click();
    await press(page, "Retire the old key");
    await expect(page.getByRole("status").filter(says("The old key is retired and wiped."))).toBeVisible();
    const left = (await control.tenant()).idps;
    expect(left).toHaveLength(1);
    expect(left[0]?.kid).not.toBe(old?.kid);

    await seesApps(beas);
    const carls = await newPerson();
    await join(world, page, carls, people.carl);
    await seesApps(carls);
    const logins = Number((await control.tenant()).idps[0]?.["logins"]);
    expect(logins, "who is new signs in with the new key").toBeGreaterThan(Number(left[0]?.["logins"]));
    await page.goto("/admin/audit");
    for (const what of ["Began to replace the signing key", "Retired the old signing key and wiped it"]) {
      await expect(page.getByRole("row").filter(says(what))).toBeVisible();
    }
  });

  test("without a Tenant Admin's key the values are entered by hand, and the old provider is left to a person", async ({
    page,
    world,
  }) => {
    const { control } = world;
    await connectedPortal(world, page);
    const [old] = (await control.tenant()).idps;
    const plain = { roles: [], manage_api_keys: true, may_read_users: true };
    await control.changeUser(control.demo.admin.id, plain);
    await page.goto("/admin/settings/signing-key");
    await press(page, "Make a new key");
    await expect(phase(page, "Create")).toContainText("Your turn");
    const value = (name: string): Promise<string> => page.getByRole("textbox", { name, exact: true }).inputValue();
    await control.call("POST", "/idps", {
      tenant: control.demo.tenant_id,
      issuer: await value("Issuer"),
      kid: await value("Key ID"),
      pem: await page.locator("pre.pem").innerText(),
    });
    await press(page, "Try again now");
    await expect(phase(page, "Switch")).toContainText("Your turn");
    await press(page, "Switch to the new key");
    await page.getByRole("link", { name: "Retire the old key…" }).click();
    await press(page, "Retire the old key");
    const alert = page.locator(".alert").filter(says("One thing is left to do by hand"));
    await expect(alert).toContainText(old?.kid ?? "?");
    expect((await control.tenant()).idps).toHaveLength(2);
  });

  test("a sign-in that does not work yet is told, nothing changes, and it can be called off", async ({
    page,
    world,
  }) => {
    const { control } = world;
    await connectedPortal(world, page);
    await control.call("POST", "/fresh-idp-delay", { seconds: 3_600 });
    await page.goto("/admin/settings/signing-key");
    await press(page, "Make a new key");
    await expect(phase(page, "Announce")).toContainText("Not yet");
    const alert = page.locator(".alert").filter(says("does not accept sign-ins with this key yet"));
    await expect(alert.first()).toBeVisible();
    await press(page, "Call it off");
    await expect(page.getByRole("status").filter(says("the new key wiped"))).toBeVisible();
    expect((await control.tenant()).idps).toHaveLength(1);
    await expect(page.getByRole("button", { name: "Make a new key" })).toBeVisible();
  });
});
