SwaggerUIBundle({
  url: "/openapi/finance.json",
  dom_id: "#api",
  deepLinking: true,
  validatorUrl: null, // nothing is sent elsewhere
  presets: [SwaggerUIBundle.presets.apis],
});
