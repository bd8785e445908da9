// A change of mind: another tenant is tested and compared before it is in force,
// then switched to, and taken back with one click.
import type { Page } from "@playwright/test";
import { expect, test } from "../fixtures/test.ts";
import {
  connectedPortal,
  fillSettings,
  invite,
  join,
  otherTenant,
  rightValues,
  settingsForm,
} from "../fixtures/portal.ts";
import { people } from "../fixtures/world.ts";

const { bea, carl } = people;

const says = (page: Page) => page.locator("#change-says");

async function compared(page: Page, script: boolean | undefined): Promise<void> {
  if (script !== false) return expect(says(page)).toContainText("would break", { timeout: 30_000 });
  await expect(async () => {
    await page.goto("/admin/settings/change");
    await expect(says(page)).toContainText("would break", { timeout: 250 });
  }).toPass();
}

test.describe("change of mind", { tag: "@forms" }, () => {
  test("another tenant waits, says who would break, is switched to, and is taken back", async ({
    page,
    world,
    newPerson,
    javaScriptEnabled,
  }) => {
    await connectedPortal(world, page);
    const beas = await newPerson();
    await join(world, page, beas, bea);
    await invite(world, page, carl);
    const before = rightValues(world);
    const other = await otherTenant(world);
    await page.goto("/admin/settings");
    await fillSettings(page, other);
    await settingsForm(page).save.click();
    await expect(page).toHaveURL("/admin/settings/change");
    await expect(page.getByText("Nothing has changed yet").first()).toBeVisible();

    // Whom the other tenant lacks breaks: Carl, and everybody as long as it does not know this portal.
    await compared(page, javaScriptEnabled);
    await expect(says(page)).toContainText("1 user of 3 users would break");
    const broken = page.getByRole("region", { name: "Users who would break" }).locator("tbody tr");
    await expect(broken).toHaveCount(1);
    await expect(broken).toContainText(carl.email);
    await expect(page.getByText("Nobody could sign in yet")).toBeVisible();
    await expect(page.getByRole("button", { name: "Switch to the new settings" })).toHaveCount(0);
    await page.getByRole("button", { name: "Create identity provider" }).click();
    await expect(page.getByText("The identity provider is in the new tenant.").first()).toBeVisible();

    // Until then nobody notices anything.
    await beas.goto("/apps");
    await expect(beas.locator("ul.apps li").first()).toBeVisible();
    await page.goto("/admin/settings");
    await expect(settingsForm(page).host).toHaveValue(before.host);
    await page.getByRole("link", { name: "Look at the change" }).click();
    await page.getByRole("button", { name: "Switch to the new settings" }).click();
    await expect(page).toHaveURL("/admin/settings");
    await expect(page.getByText("The new settings are in force.").first()).toBeVisible();
    await expect(settingsForm(page).host).toHaveValue(other.host);
    await beas.goto("/apps");
    await expect(beas.getByRole("main")).not.toContainText("Finance");

    await page.getByRole("button", { name: "Go back" }).click();
    await expect(page.getByText("The settings before are in force again.").first()).toBeVisible();
    await expect(settingsForm(page).host).toHaveValue(before.host);
    await beas.goto("/apps");
    await expect(beas.locator("ul.apps li").first()).toBeVisible();
  });

  test("another web integration waits too, and can be given up", async ({ page, world }) => {
    await connectedPortal(world, page);
    const { demo } = world.control;
    const second = await world.control.call<{ id: string }>("POST", "/web-integrations", {
      tenant: demo.tenant_id,
      name: "Second",
      origins: [demo.portal_origin],
    });
    await page.goto("/admin/settings");
    await settingsForm(page).web.fill(second.id);
    await settingsForm(page).save.click();
    await expect(page).toHaveURL("/admin/settings/change");
    await expect(page.getByRole("region", { name: "Settings in force and after the switch" })).toContainText(second.id);
    await page.getByRole("button", { name: "Give the change up" }).click();
    await expect(page.getByText("The change was given up.").first()).toBeVisible();
    await expect(settingsForm(page).web).toHaveValue(demo.web_integration_id);
    await page.goto("/admin/settings/change");
    await expect(page.getByText("No change waits")).toBeVisible();
  });
});
