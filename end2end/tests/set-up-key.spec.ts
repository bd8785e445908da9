// One paste: the portal looks, says what it will make, makes it, and takes it
// away again where that is wished.
import type { Page } from "@playwright/test";
import { expect, test } from "../fixtures/test.ts";
import { health, rightValues, setUp } from "../fixtures/portal.ts";

async function enter(page: Page, host: string, key: string): Promise<void> {
  await page.goto("/admin/settings");
  await page.getByRole("link", { name: "Set up with one key" }).click();
  await page.getByLabel("Qlik Sense tenant hostname").fill(host);
  await page.getByLabel("Qlik Sense API key").fill(key);
  await page.getByRole("button", { name: "Look at the tenant" }).click();
}

test.describe("set up with one key", { tag: "@forms" }, () => {
  test("every object is seen before it is made, and then the connection is there", async ({ page, world }) => {
    const { control } = world;
    const { host, key } = rightValues(world);
    await control.call("DELETE", `/web-integrations/${control.demo.web_integration_id}`);
    await setUp(world, page);
    await enter(page, `https://${host}/hub`, key);

    const plan = page.getByRole("main");
    for (const words of ["Qonduit 127.0.0.1", world.origin, "BEGIN CERTIFICATE", "ada@acme.example"]) {
      await expect(plan).toContainText(words);
    }
    await expect(plan.getByText("Will be made")).toHaveCount(2);
    expect(await page.content()).not.toContain(key);
    expect((await control.tenant()).idps).toHaveLength(0);

    await page.getByRole("button", { name: "Set up the connection" }).click();
    await expect(page.getByText("The connection is set up.")).toBeVisible({ timeout: 30_000 });
    const tenant = await control.tenant();
    expect(tenant.idps).toHaveLength(1);
    expect(tenant.web_integrations.filter((w) => w.origins.includes(world.origin))).toHaveLength(1);
    await page.getByRole("button", { name: "Go to the settings" }).click();
    await expect(health(page)).toContainText("Healthy");

    // Disconnecting offers to remove what was made, and only that.
    await page.getByRole("button", { name: "Disconnect…" }).click();
    const choice = page.getByRole("checkbox", { name: "Also remove at Qlik what this portal made there" });
    await expect(choice).not.toBeChecked();
    await expect(choice).toHaveAccessibleDescription(/web integration “Qonduit 127\.0\.0\.1”/);
    await choice.check();
    await page.getByRole("button", { name: "Disconnect", exact: true }).click();
    await expect(page.getByText("Not connected")).toBeVisible();
    const after = await control.tenant();
    expect(after.idps).toHaveLength(0);
    expect(after.web_integrations.filter((w) => w.origins.includes(world.origin))).toHaveLength(0);
  });

  test("a key that can not do it is told at its field, and the hostname stays", async ({ page, world }) => {
    const { control } = world;
    await setUp(world, page);
    const bea = await control.createKey(control.user("bea").id);
    await control.changeUser(control.user("bea").id, { manage_api_keys: true });
    await enter(page, control.demo.tenant_host, bea.token);
    await expect(page.getByLabel("Qlik Sense API key")).toHaveAccessibleDescription(/no Tenant Admin/);
    await expect(page.getByLabel("Qlik Sense tenant hostname")).toHaveValue(control.demo.tenant_host);
  });

  test("what can not be finished is undone, and says why", async ({ page, world }) => {
    const { control } = world;
    const { host, key } = rightValues(world);
    await control.call("DELETE", `/web-integrations/${control.demo.web_integration_id}`);
    await setUp(world, page);
    await enter(page, host, key);
    await expect(page.getByRole("button", { name: "Set up the connection" })).toBeVisible();
    await control.fault({
      path: "/api/v1/identity-providers",
      method: "POST",
      effect: { status: { status: 403, code: "IDP-1", title: "No" } },
    });
    await page.getByRole("button", { name: "Set up the connection" }).click();
    await expect(page.getByText("Everything at Qlik is as it was before.")).toBeVisible({ timeout: 30_000 });
    await expect(page.getByRole("main")).toContainText("IDP-1");
    expect((await control.tenant()).web_integrations.filter((w) => w.origins.includes(world.origin))).toHaveLength(0);
  });
});
