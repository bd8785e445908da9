// Each thing that can be wrong with the settings: the right line fails and says
// what to do, what was typed stays, the key does not, and nothing is stored.
import type { Page } from "@playwright/test";
import { expect, test } from "../fixtures/test.ts";
import { check, fillSettings, rightValues, settingsForm, setUp } from "../fixtures/portal.ts";
import type { World } from "../fixtures/world.ts";

interface Values {
  host: string;
  web: string;
  key: string;
}

interface Case {
  title: string;
  /** Makes one thing wrong, in what is typed or in the tenant. */
  arrange: (world: World, typed: Values) => Promise<void> | void;
  /** The check that fails; none where the field can't be taken at all. */
  check?: string;
  says: RegExp;
  remedy: RegExp;
  field: "host" | "web" | "key";
}

const NEVER_A_KEY = "marble-lantern-is-not-a-key";

const cases: Case[] = [
  {
    title: "a host that is not Qlik's",
    arrange: (_, typed) => void (typed.host = "acme.portal.example"),
    says: /This host is not at qlikcloud.com/,
    remedy: /Enter the hostname from the address bar of your Qlik Cloud/,
    field: "host",
  },
  {
    title: "an address in place of a host",
    arrange: (_, typed) => void (typed.host = "127.0.0.1"),
    says: /rather than an address/,
    remedy: /Enter the hostname of your Qlik tenant/,
    field: "host",
  },
  {
    title: "a tenant that does not exist",
    arrange: (_, typed) => void (typed.host = "nobody.eu.qlikcloud.com"),
    check: "tenant",
    says: /Qlik has no tenant at nobody\.eu\.qlikcloud\.com/,
    remedy: /Compare it with the address bar of your Qlik Cloud/,
    field: "host",
  },
  {
    title: "something that is no key",
    arrange: (_, typed) => void (typed.key = NEVER_A_KEY),
    says: /This is not an API key/,
    remedy: /Copy the whole key/,
    field: "key",
  },
  {
    title: "a revoked key",
    arrange: async ({ control }) => {
      await control.call("PATCH", `/keys/${control.demo.api_key_id}`, { revoked: true });
    },
    check: "key",
    says: /refuses the key.*revoked|The key is expired or revoked/,
    remedy: /Make .*key.*paste it here/,
    field: "key",
  },
  {
    title: "an expired key",
    arrange: async ({ control }, typed) => {
      await control.call("PATCH", "/switches", { explain_dead_keys: true });
      typed.key = (await control.createKeyWithHoursLeft(control.user("ada").id, -1)).token;
    },
    check: "key",
    says: /The key is expired or revoked/,
    remedy: /Make a new key in Qlik and paste it here; everything else stays as it is/,
    field: "key",
  },
  {
    title: "a key of another tenant",
    arrange: async ({ control }, typed) => {
      const other = await control.tenant(control.demo.other_tenant_host);
      typed.key = (await control.createKey(other.users[0]?.id ?? "")).token;
    },
    check: "key",
    says: /It is another tenant[’']s|belongs to another Qlik tenant/,
    remedy: /Make (a|the) key in this tenant/,
    field: "key",
  },
  {
    title: "an owner without the permission Manage API keys",
    arrange: async ({ control }) => control.changeUser(control.user("ada").id, { manage_api_keys: false }),
    check: "key",
    says: /lacks the permission Manage API keys/,
    remedy: /for whom Manage API keys is Allowed/,
    field: "key",
  },
  {
    title: "an owner who may not read users",
    arrange: async ({ control }) => control.changeUser(control.user("ada").id, { may_read_users: false }),
    check: "read_users",
    says: /may not read the tenant's users/,
    remedy: /Use a key of a user who may, such as a Tenant Admin/,
    field: "key",
  },
  {
    title: "a web integration that does not exist",
    arrange: (_, typed) => void (typed.web = "0YvXx3HqSJ2rlLmH0rgNkTqvN1z0Qx9c"),
    check: "web_integration",
    says: /has no web integration with this id/,
    remedy: /Copy the id from Administration > Web in Qlik/,
    field: "web",
  },
  {
    title: "a foreign origin",
    arrange: async ({ control }) => {
      const { web_integration_id: id } = control.demo;
      await control.call("PATCH", `/web-integrations/${id}`, { origins: ["https://other.example"] });
    },
    check: "origin",
    says: /does not list this portal's origin/,
    remedy: /Add http:\/\/127\.0\.0\.1:\d+ to its origins/,
    field: "web",
  },
  {
    title: "an origin with another scheme and port",
    arrange: async ({ control }) => {
      const { web_integration_id: id } = control.demo;
      await control.call("PATCH", `/web-integrations/${id}`, { origins: ["https://127.0.0.1"] });
    },
    check: "origin",
    says: /does not list this portal's origin/,
    remedy: /scheme and port must be the same too/,
    field: "web",
  },
  {
    title: "Qlik away",
    arrange: ({ control }) =>
      control.fault({ path: "/api/", effect: { status: { status: 503, code: "X", title: "Away" } } }),
    check: "tenant",
    says: /Qlik answers with an error of its own/,
    remedy: /It is tried again by itself|Qlik's status page/,
    field: "host",
  },
];

/** Saves what is typed and waits for the answer. */
async function save(page: Page): Promise<void> {
  await settingsForm(page).save.click();
  await expect(page.getByRole("alert").filter({ hasText: /need(s)? a change/ })).toBeFocused();
}

test.describe("settings that do not work are not stored", { tag: "@forms" }, () => {
  for (const { title, arrange, check: failing, says, remedy, field } of cases) {
    test(`${title} is told, with what to do`, async ({ page, world }) => {
      await setUp(world, page);
      const typed = rightValues(world);
      await arrange(world, typed);
      world.secrets.add(typed.key);

      await page.goto("/admin/settings");
      await fillSettings(page, typed);
      await save(page);

      // The field says it, and the summary on top leads there.
      const form = settingsForm(page);
      await expect(form[field]).toHaveAttribute("aria-invalid", "true");
      await expect(form[field]).toHaveAccessibleDescription(says);
      await expect(form[field]).toHaveAccessibleDescription(remedy);
      await page.getByRole("alert").getByRole("link", { name: says }).click();
      await expect(form[field]).toBeFocused();

      if (failing) {
        // This line fails and no other: what came before passed, what needs it was left out.
        const line = check(page, failing);
        await expect(line).toContainText("Failed");
        await expect(line).toContainText(says);
        await expect(line).toContainText(remedy);
        const lines = page.getByRole("region", { name: "Checks" }).locator("li.check");
        await expect(lines).toHaveCount(21);
        await expect(lines.getByText("Failed", { exact: true })).toHaveCount(1);
      }

      // What was typed stays, the key aside, which is in no part of the page.
      await expect(form.host).toHaveValue(typed.host);
      await expect(form.web).toHaveValue(typed.web);
      await expect(form.key).toHaveValue("");
      expect(await page.content()).not.toContain(typed.key);
      await page.reload();
      await expect(form.host).toHaveValue(typed.host);
      await expect(form.key).toHaveValue("");
      await expect(page.getByText("The key that you pasted was not kept.")).toBeVisible();
      expect(await page.content()).not.toContain(typed.key);

      // Nothing is stored: without the draft the page is as it was.
      await page.getByRole("button", { name: "Discard changes" }).click();
      await expect(form.host).toHaveValue("");
      await expect(form.web).toHaveValue("");
      await expect(page.getByText("Not connected", { exact: true })).toBeVisible();
      await expect(page.getByRole("button", { name: "Renew now" })).toHaveCount(0);
    });
  }

  test("the next try with the right values is stored", async ({ page, world }) => {
    await setUp(world, page);
    await page.goto("/admin/settings");
    const right = rightValues(world);
    await fillSettings(page, { ...right, web: "nonsense" });
    await save(page);
    // Only what was wrong is typed anew, and the key, which is never given back.
    await settingsForm(page).web.fill(right.web);
    await settingsForm(page).key.fill(right.key);
    await settingsForm(page).save.click();
    await expect(page.getByRole("button", { name: "Renew now" })).toBeVisible();
    await expect(page.getByText("What you entered is not stored yet.")).toHaveCount(0);
  });

  test("a failed change leaves the stored settings in force", async ({ page, world }) => {
    await setUp(world, page);
    await page.goto("/admin/settings");
    const right = rightValues(world);
    await fillSettings(page, right);
    await settingsForm(page).save.click();
    await expect(page.getByRole("button", { name: "Renew now" })).toBeVisible();

    // A blank key keeps the stored one, at its own tenant alone.
    const form = settingsForm(page);
    await form.host.fill(world.control.demo.other_tenant_host);
    await save(page);
    await expect(form.key).toHaveAccessibleDescription(/is not sent to this one/);
    const log = await world.control.log();
    expect(log.some((r) => r.host === world.control.demo.other_tenant_host && r.key !== null)).toBe(false);

    await page.getByRole("button", { name: "Discard changes" }).click();
    await expect(form.host).toHaveValue(right.host);
    await expect(form.key).toHaveAccessibleDescription(/Leave empty to keep it/);
  });
});
