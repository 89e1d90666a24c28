// Keys go to the terminal from its first byte on, without a click.
addEventListener("DOMContentLoaded", () => {
  const watching = new MutationObserver(() => {
    const input = document.querySelector(".xterm-helper-textarea");
    if (input && document.body.classList.contains("-first-byte")) {
      watching.disconnect();
      input.focus();
    }
  });
  watching.observe(document.body, { attributes: true, childList: true, subtree: true });
});
